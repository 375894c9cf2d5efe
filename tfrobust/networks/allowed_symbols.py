"""The names that a `.keras` file may use: layers, operations, functions and the parts of layers.

Each of them computes with tensors and does nothing else: none reads or writes a file, opens a connection, loads or
evaluates code.  A name that is not here is refused (see `file_policy`), so a new class of Keras has to be looked at
before it is added.  The lists are the union over the Keras versions that the project runs on.
"""

# Lambda, TFSMLayer, JaxLayer, FlaxLayer and TorchModuleWrapper are left out: they run code that the file brings along.
LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
    Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D
    Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
    GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity InputLayer IntegerLookup
    LSTM LSTMCell LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes
    MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp
    MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
    RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D
    SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization
    TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    LayerScale CustomScaleLayer
    """.split()
)
MODELS = frozenset({"Functional", "Model", "Sequential"})
# What layers are made of: initializers, regularizers, constraints, policies of number formats, seeds.
PARTS = frozenset(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones
    Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling
    Zeros
    L1 L1L2 L2 OrthogonalRegularizer
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm
    DTypePolicy DTypePolicyMap FloatDTypePolicy Policy QuantizedDTypePolicy QuantizedFloat8DTypePolicy SeedGenerator
    """.split()
)
# Plain values that Keras writes as an object.
VALUES = frozenset(
    """
    __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__ TensorShape
    """.split()
)
ACTIVATIONS = frozenset(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
    sparsemax squareplus swish tanh tanh_shrink threshold
    """.split()
)
# Classes of keras.ops, in which Keras 3 stores the arithmetic of a functional model.
OPERATIONS = frozenset(
    """
    Abs Absolute Add All Amax Amin Any Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition
    Argsort Average Bincount BitwiseAnd BitwiseInvert BitwiseNot BitwiseOr BitwiseXor BroadcastTo Cbrt Ceil Clip
    Concatenate Conj Conjugate Copy Cos Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagonal Diff Digitize
    Divide DivideNoNan Dot Einsum Equal Exp Exp2 ExpandDims Expm1 Flip Fliplr Flipud Floor FloorDivide FullLike GetItem
    Greater GreaterEqual Hstack Hypot Imag Inner Isclose Isfinite Isinf Isnan Less LessEqual Log Log10 Log1p Log2
    Logaddexp LogicalAnd LogicalNot LogicalOr LogicalXor Matmul Max Maximum Mean Median Min Minimum Mod Moveaxis
    Multiply NanToNum Nanmax Nanmean Nanmin Nansum Ndim Negative NotEqual OnesLike Outer Pad Percentile Power Prod
    Quantile Rad2deg Ravel Real Reciprocal Repeat Reshape Roll Rot90 Round Select Sign Signbit Sin Sinc Sinh Size Sort
    Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace
    Transpose Tril Triu TrueDivide Trunc Var Vdot Vstack Where ZerosLike
    AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace DepthwiseConv
    DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax
    MaxPool Moments MultiHot Normalize OneHot RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax
    Softplus Softsign SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold
    AffineTransform CropImages ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages PerspectiveTransform
    RGBToGrayscale RGBToHSV Resize ScaleAndTranslate SobelEdges
    Cholesky Det Inv Norm Pinv Qr SVD Solve
    Erf Erfc Erfinv FFT2 IFFT2 Logsumexp Rearrange Rsqrt SegmentMax SegmentSum TopK
    Cast ConvertToTensor SaturateCast Slice StopGradient Unstack
    """.split()
)
# Layers that name a symbol of TensorFlow, in which Keras 2 stores the arithmetic of a functional model.
SYMBOL_LAYERS = frozenset({"SlicingOpLambda", "TFOpLambda"})
SYMBOLS = frozenset(
    [f"__operators__.{name}" for name in "add eq getitem ne".split()]
    + [
        f"math.{name}"
        for name in """
        abs acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh count_nonzero
        cumprod cumsum cumulative_logsumexp divide divide_no_nan equal erf erfc erfinv exp expm1 floor floordiv
        floormod greater greater_equal imag in_top_k invert_permutation is_finite is_inf is_nan is_non_decreasing
        is_strictly_increasing l2_normalize less less_equal lgamma log log1p log_sigmoid log_softmax logical_and
        logical_not logical_or logical_xor maximum minimum mod multiply multiply_no_nan ndtri negative not_equal pow
        real reciprocal reciprocal_no_nan reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max
        reduce_mean reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul
        segment_max segment_mean segment_min segment_sum sigmoid sign sin sinh softmax softplus softsign
        sqrt square squared_difference subtract tan tanh top_k truediv xdivy xlog1py xlogy zero_fraction
        """.split()
    ]
    + [
        f"nn.{name}"
        for name in """
        atrous_conv2d avg_pool avg_pool1d avg_pool2d avg_pool3d batch_normalization bias_add conv1d
        conv2d conv2d_transpose conv3d convolution crelu depth_to_space depthwise_conv2d dilation2d elu erosion2d gelu
        l2_loss l2_normalize leaky_relu local_response_normalization log_softmax lrn max_pool max_pool1d max_pool2d
        max_pool3d moments pool relu relu6 selu separable_conv2d sigmoid
        silu softmax softplus softsign space_to_depth swish tanh top_k weighted_moments zero_fraction
        """.split()
    ]
    + [
        f"image.{name}"
        for name in """
        adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop convert_image_dtype
        crop_and_resize crop_to_bounding_box extract_patches flip_left_right flip_up_down grayscale_to_rgb hsv_to_rgb
        image_gradients pad_to_bounding_box per_image_standardization resize resize_with_crop_or_pad resize_with_pad
        rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 sobel_edges total_variation transpose yiq_to_rgb
        yuv_to_rgb
        """.split()
    ]
    + [
        f"linalg.{name}"
        for name in """
        adjoint band_part cholesky cross det diag diag_part einsum expm global_norm inv l2_normalize logdet matmul
        matrix_transpose matvec norm normalize pinv qr set_diag slogdet solve svd tensor_diag tensor_diag_part tensordot
        trace triangular_solve
        """.split()
    ]
    + [f"signal.{name}" for name in "fft fft2d ifft ifft2d irfft irfft2d rfft rfft2d".split()]
    + [f"keras.activations.{name}" for name in ACTIVATIONS]
    + [f"compat.v1.{name}" for name in "floor_div gather nn.fused_batch_norm pad shape size squeeze transpose".split()]
    + """
    batch_to_space boolean_mask broadcast_to cast clip_by_norm clip_by_value concat cumsum einsum ensure_shape
    expand_dims gather gather_nd identity linspace meshgrid norm one_hot ones_like
    pad rank repeat reshape reverse roll saturate_cast searchsorted sequence_mask shape size slice sort argsort
    space_to_batch split squeeze stack stop_gradient strided_slice tensordot tensor_scatter_nd_add
    tensor_scatter_nd_update tile transpose unstack where zeros_like
    """.split()
)
