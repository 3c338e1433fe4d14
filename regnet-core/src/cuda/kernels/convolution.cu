// What all kernels of convolutions share: a layer, with "same" padding.
//
// Constants: GROUPS, GROUP_IN and GROUP_OUT (channels of a group), KERNEL, STRIDE, HEIGHT, WIDTH (of the input), IN_OF and
// OUT_OF (channels of the tensors of which input and output are the first).

#define TAPS (KERNEL * KERNEL)
#define PADDING (KERNEL / 2)
#define OUT_HEIGHT ((HEIGHT + STRIDE - 1) / STRIDE)
#define OUT_WIDTH ((WIDTH + STRIDE - 1) / STRIDE)
#define PIXELS (HEIGHT * WIDTH)
#define OUT_PIXELS (OUT_HEIGHT * OUT_WIDTH)

