"""Wake words by microWakeWord models, with the runtime and the models that pymicro-wakeword brings along."""

import ctypes
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pymicro_wakeword
from pymicro_features import MicroFrontend  # type: ignore[import-untyped]
from pymicro_wakeword.wakeword import TfLiteWakeWord

from hearthd.core.audio.pcm import GATE_FORMAT, SAMPLE_BYTES
from hearthd.core.settings import BUILTIN_WAKE_WORDS
from hearthd.core.wake_model import WakeModelUnusable, parse_wake_model

REST_FRAMES: Final = GATE_FORMAT.frames_of_ms(1_000)
"""After a detection nothing is scored for so long: one utterance of a word counts once, tail and echo included."""

_HOP_BYTES: Final = GATE_FORMAT.frames_of_ms(10) * SAMPLE_BYTES
"""What the front end takes at once."""
_FEATURES: Final = 40
"""Size of the front end's feature vector, one a hop."""
_PACKAGE: Final = Path(pymicro_wakeword.__file__).parent
_QUANTIZED: Final = {3: np.uint8, 9: np.int8}
"""By TfLiteType (`common.h` of TensorFlow Lite)."""


class MicroWakeWords:
    """The `WakeScorer` port: any number of words on one set of features; used by one thread only."""

    def __init__(self, words: Sequence[str], threshold: float) -> None:
        """Load the models: names of built-in ones, or paths of description files.

        `threshold` is the mean probability above which a word counts as heard; 0 takes each model's own. Raises
        `WakeModelUnusable`.
        """
        self._frontend = MicroFrontend()
        self._models = [_Model(word, threshold) for word in words]
        self._unheard = bytearray()
        self._rest_bytes = 0

    def feed(self, pcm: bytes) -> str | None:
        """Take 16 kHz mono PCM16 of any length, in order; return the word that was just completed, if any."""
        if self._rest_bytes:
            self._rest_bytes = max(0, self._rest_bytes - len(pcm))
            return None
        self._unheard += pcm
        while len(self._unheard) >= _HOP_BYTES:
            hop = bytes(self._unheard[:_HOP_BYTES])
            del self._unheard[:_HOP_BYTES]
            features = self._frontend.process_samples(hop).features
            word = self._score(features) if features else None
            if word is not None:
                self.reset()
                self._rest_bytes = REST_FRAMES * SAMPLE_BYTES
                return word
        return None

    def reset(self) -> None:
        """Forget all sound, the front end's noise estimate included: with it, more words are missed than without.

        Takes about 0.1 ms a word and touches no file.
        """
        self._frontend.reset()
        self._unheard.clear()
        self._rest_bytes = 0
        for model in self._models:
            model.forget()

    def _score(self, features: Sequence[float]) -> str | None:
        # Every model must see every vector, so no shortcut behind the first that is sure.
        sure = [model.name for model in self._models if model.hears(features)]
        return sure[0] if sure else None


class _Model:
    """One word's network and its memory of the last second."""

    def __init__(self, word: str, threshold: float) -> None:
        file = _description_file(word)
        try:
            description = parse_wake_model(file.read_bytes())
            content = (file.parent / description.model).read_bytes()
        except OSError as error:
            raise WakeModelUnusable(word, f"cannot read {error.filename}: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise WakeModelUnusable(word, f"{file} is not a microWakeWord description: {error}") from error
        self.name = word if word in BUILTIN_WAKE_WORDS else file.stem
        self._cutoff = threshold or description.micro.probability_cutoff
        self._probabilities = deque[float](maxlen=description.micro.sliding_window_size)
        self._vectors: list[float] = []
        self._network = _Network(word, content)

    def hears(self, features: Sequence[float]) -> bool:
        """Take one feature vector and tell whether the word is complete with it."""
        self._vectors += features
        if len(self._vectors) < self._network.input_size:
            return False
        self._probabilities.append(self._network.probability(self._vectors))
        self._vectors.clear()
        full = len(self._probabilities) == self._probabilities.maxlen
        return full and sum(self._probabilities) > self._cutoff * len(self._probabilities)

    def forget(self) -> None:
        """Start as if nothing had been heard."""
        self._vectors.clear()
        self._probabilities.clear()
        self._network.restart()


class _Network:
    """A streaming TensorFlow Lite model.

    What it remembers lives in its interpreter and nothing there can clear it, so forgetting takes a new one.
    """

    def __init__(self, word: str, content: bytes) -> None:
        self._runtime = _runtime()
        # Kept in memory: a mapped file that an update cuts short would end the process.
        self._content = ctypes.create_string_buffer(content, len(content))
        self._interpreter: int | None = None
        self._model: int | None = self._runtime.TfLiteModelCreate(self._content, len(content))
        # The runtime ends the process when it is handed no model, or asked about no interpreter.
        if not self._model or not self._renew():
            raise WakeModelUnusable(word, "its model is damaged, or not for this version of TensorFlow Lite")
        self._given = _Tensor(self._runtime, self._input)
        self._answer = _Tensor(self._runtime, self._output)
        if not self._given.whole or not self._answer.whole or self._given.size % _FEATURES:
            raise WakeModelUnusable(word, "its model is not one of microWakeWord")
        self.input_size: int = self._given.size

    def __del__(self) -> None:
        if self._interpreter:
            self._runtime.TfLiteInterpreterDelete(self._interpreter)
        if self._model:
            self._runtime.TfLiteModelDelete(self._model)

    def restart(self) -> None:
        """Forget all features."""
        renewed = self._renew()
        assert renewed, "what could be made once can be made again"

    def probability(self, features: Sequence[float]) -> float:
        """Run once over `input_size` features."""
        given, answer = self._given, self._answer
        given.write(features)
        self._runtime.TfLiteTensorCopyFromBuffer(self._input, given.address, given.size)
        self._runtime.TfLiteInterpreterInvoke(self._interpreter)
        self._runtime.TfLiteTensorCopyToBuffer(self._output, answer.address, answer.size)
        return answer.first()

    def _renew(self) -> bool:
        """Put a new interpreter in place of the old one; tells whether there is one."""
        runtime = self._runtime
        if self._interpreter:
            runtime.TfLiteInterpreterDelete(self._interpreter)
        self._interpreter = runtime.TfLiteInterpreterCreate(self._model, None)
        if not self._interpreter or runtime.TfLiteInterpreterAllocateTensors(self._interpreter) != 0:
            return False
        self._input: int = runtime.TfLiteInterpreterGetInputTensor(self._interpreter, 0)
        self._output: int = runtime.TfLiteInterpreterGetOutputTensor(self._interpreter, 0)
        return True


class _Tensor:
    """Our side of a tensor of 8-bit levels, and how these translate into numbers."""

    def __init__(self, runtime: ctypes.CDLL, tensor: int) -> None:
        kind = _QUANTIZED.get(runtime.TfLiteTensorType(tensor))
        self.whole = kind is not None
        """Whether it is a tensor of 8-bit levels at all."""
        self.size: int = runtime.TfLiteTensorByteSize(tensor)
        self._levels = np.zeros(self.size, kind or np.uint8)
        self.address: int = self._levels.ctypes.data
        quantization = runtime.TfLiteTensorQuantizationParams(tensor)
        self._scale = float(quantization.scale)
        self._zero = int(quantization.zero_point)
        limits = np.iinfo(self._levels.dtype)
        self._lowest, self._highest = int(limits.min), int(limits.max)

    def write(self, numbers: Sequence[float]) -> None:
        """Set the levels nearest to `numbers`; what is out of range is clipped, not wrapped round."""
        levels = np.rint(np.array(numbers, np.float32) / self._scale + self._zero)
        self._levels[:] = levels.clip(self._lowest, self._highest)

    def first(self) -> float:
        """Return the first number."""
        return (int(self._levels[0]) - self._zero) * self._scale


def _description_file(word: str) -> Path:
    if word in BUILTIN_WAKE_WORDS:
        return _PACKAGE / "models" / f"{word}.json"
    if word.endswith(".json"):
        return Path(word)
    known = ", ".join(BUILTIN_WAKE_WORDS)
    raise WakeModelUnusable(word, f"unknown; built in are {known}, others are given as the path of a .json file")


def _runtime() -> ctypes.CDLL:
    library = next((_PACKAGE / "lib").glob("*tensorflowlite_c.*"))
    runtime = TfLiteWakeWord(library).lib
    runtime.TfLiteModelCreate.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    runtime.TfLiteModelCreate.restype = ctypes.c_void_p
    return runtime
