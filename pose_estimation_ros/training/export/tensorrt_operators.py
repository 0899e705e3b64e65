"""Tables for operators.py: what TensorRT's ONNX parser knows since when. Sources there."""

from onnx import TensorProto

Version = tuple[int, int]

OPSETS: dict[Version, int] = {(8, 2): 13, (8, 5): 17, (10, 0): 20, (10, 15): 24}  # the newest

_OPERATORS = {
    (8, 2): """
        Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip
        Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
        Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool
        GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Identity If ImageScaler InstanceNormalization
        IsNaN LRN LSTM LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool Mean Min
        Mul Neg NonMaxSuppression Not Or PRelu Pad ParametricSoftplus Pow QuantizeLinear RNN RandomUniform
        RandomUniformLike Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
        ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence Round ScaledTanh Scan Scatter ScatterElements
        ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
        Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where
    """,
    (8, 5): """
        GridSample MeanVarianceNormalization NonZero RandomNormal RandomNormalLike Reciprocal RoiAlign Shrink Trilu Xor
    """,
    (8, 6): "GroupNormalization HardSwish IsInf LayerNormalization Mod OneHot",
    (10, 0): "CastLike Gelu Hardmax Mish",
    (10, 1): "DeformConv",
    (10, 4): "BlackmanWindow HammingWindow HannWindow",
    (10, 5): "STFT",
    (10, 14): "Attention",
    (10, 15): "RMSNormalization RotaryEmbedding TensorScatter",
}
OPERATORS_SINCE: dict[str, Version] = {name: since for since, names in _OPERATORS.items() for name in names.split()}

# Whose first input may be int32 or int64: before 10 the parser turns int64 into int32.
_INTEGER = {
    (8, 2): """
        Abs Add Cast Concat Constant DepthToSpace Div Equal Expand EyeLike Flatten Gather GatherElements GatherND
        Greater GreaterOrEqual Identity If Less LessOrEqual Loop Max Mean Min Mul Neg Pad Range Reshape Scatter
        ScatterElements ScatterND Shape Sign Size Slice SpaceToDepth Split Squeeze Sub Sum Tile Transpose Unsqueeze
        Where
    """,
    (8, 5): "Shrink Trilu",
    (8, 6): "ArgMax ArgMin Mod OneHot ReverseSequence TopK",
    (10, 0): """
        CastLike Gelu ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
        ReduceSumSquare Relu
    """,
    (10, 12): "Pow",
}
INTEGER_SINCE: dict[str, Version] = {name: since for since, names in _INTEGER.items() for name in names.split()}

# Inputs that must be constants, or dequantised ones: operator -> {index: the version from which they need not}.
ALWAYS: Version = (99, 0)
INITIALIZERS: dict[str, dict[int, Version]] = {
    "Clip": {1: (10, 0), 2: (10, 0)},
    "Conv": {1: (10, 0), 2: (10, 0)},
    "ConvTranspose": {1: (10, 0), 2: (10, 0)},
    "CumSum": {1: (10, 8)},
    "InstanceNormalization": {1: (10, 0), 2: (10, 0)},
    "OneHot": {1: ALWAYS},
    "Resize": {2: (8, 4)},
    "Slice": {3: (10, 3)},
    "Squeeze": {1: (10, 7)},
    "TopK": {1: (8, 6)},
    "Unsqueeze": {1: (10, 7)},
}

RESIZE_MODES = {
    "mode": ("nearest", "linear"),
    "coordinate_transformation_mode": (
        "half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners",
    ),
    "nearest_mode": ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
    "keep_aspect_ratio_policy": ("stretch",),
}  # fmt: skip

TYPES_SINCE: dict[int, Version] = {
    TensorProto.UNDEFINED: (8, 2),  # not known
    TensorProto.FLOAT: (8, 2),
    TensorProto.DOUBLE: (8, 2),  # becomes float32
    TensorProto.FLOAT16: (8, 2),
    TensorProto.INT8: (8, 2),
    TensorProto.INT32: (8, 2),
    TensorProto.INT64: (8, 2),
    TensorProto.BOOL: (8, 2),
    TensorProto.UINT8: (8, 5),  # inputs and outputs of the network alone
    TensorProto.BFLOAT16: (10, 0),
    TensorProto.FLOAT8E4M3FN: (10, 0),
}
