"""The small vocabulary of tokenizer.py as a sentencepiece .model file."""

from sentencepiece import sentencepiece_model_pb2 as protobuf

from tokenizer import SPECIAL, pieces


def sentencepiece_model(count: int) -> bytes:
    model = protobuf.ModelProto()
    types = protobuf.ModelProto.SentencePiece
    for index, (name, score) in enumerate(pieces(count)):
        kind = types.NORMAL
        if index < len(SPECIAL):
            kind = types.UNKNOWN if index == 0 else types.CONTROL
        elif name.startswith("<0x"):
            kind = types.BYTE
        model.pieces.add(piece=name, score=score, type=kind)
    model.trainer_spec.model_type = protobuf.TrainerSpec.UNIGRAM
    model.trainer_spec.byte_fallback = any(name.startswith("<0x") for name, _ in pieces(count))
    model.trainer_spec.unk_id, model.trainer_spec.bos_id = 0, 1
    model.trainer_spec.eos_id, model.trainer_spec.pad_id = 2, 3
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = True
    return model.SerializeToString(deterministic=True)
