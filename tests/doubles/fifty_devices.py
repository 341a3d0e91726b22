"""A house of fifty devices, as its owner would write it down, for measuring and for random calls."""

from hearthd.core.home.devices import Climate, Cover, Device, Devices, Fan, Light, Scene, Sensor, Switch

ROOMS = ("kitchen", "living_room", "bedroom", "bathroom", "office", "hall")
_SPOKEN_ROOMS = {room: room.replace("_", " ") for room in ROOMS}


def fifty_devices() -> Devices:
    """Return 20 lights, 8 switches, 6 covers, 4 thermostats, 2 fans, 3 scenes and 7 sensors in six rooms."""
    devices: dict[str, Device] = {}
    for room, spoken in _SPOKEN_ROOMS.items():
        for place in ("ceiling", "wall", "window"):
            devices[f"{room}_{place}_light"] = _light(f"{room}_{place}", spoken, place)
        devices[f"{room}_blind"] = Cover(
            area=spoken, command_topic=f"z/{room}/blind/set", state_topic=f"z/{room}/blind"
        )
        devices[f"{room}_temperature"] = Sensor(
            area=spoken, state_topic=f"z/{room}/climate", value_key="temperature", unit_of_measurement="°C"
        )
    for room in ROOMS[:4]:
        devices[f"{room}_heating"] = Climate(
            area=_SPOKEN_ROOMS[room],
            command_topic=f"z/{room}/valve/set",
            state_topic=f"z/{room}/valve",
            modes=("off", "heat", "auto"),
        )
    devices["desk_lamp"] = _light("desk", "office", "desk")
    devices["reading_lamp"] = _light("reading", "living room", "reading")
    for plug in ("coffee_machine", "tv", "printer", "radio", "washer", "heater_plug", "charger", "christmas_tree"):
        devices[plug] = Switch(
            schema="plain", command_topic=f"cmnd/{plug}/POWER", state_topic=f"stat/{plug}/POWER", area="living room"
        )
    for fan in ("bedroom_fan", "office_fan"):
        devices[fan] = Fan(
            command_topic=f"z/{fan}/set", state_topic=f"z/{fan}", percentage_value_key="speed", speed_range_max=3
        )
    for number, scene in enumerate(("movie_night", "good_morning", "all_off")):
        devices[scene] = Scene(command_topic="z/group/set", payload_on=f'{{"scene_recall": {number}}}')
    devices["front_door"] = Sensor(
        area="hall", state_topic="z/door", value_key="contact", meanings={"true": "closed", "false": "open"}
    )
    return devices


def _light(topic: str, area: str, place: str) -> Light:
    return Light(
        name=f"{place} light",
        area=area,
        aliases=("big lamp",) if place == "ceiling" else (),
        command_topic=f"z/{topic}/set",
        state_topic=f"z/{topic}",
        supported_color_modes=("color_temp", "rgb"),
    )
