// Convolution of each channel by itself: no sum is long enough for tiles, and all is limited by memory.

#define CHANNELS GROUPS

// y = w * x, or y += w * x.
extern "C" __global__ void depthwise_forward(int batch, int add, const REAL* x, const REAL* w, REAL* y) {
    FOR_EACH(i, (size_t)batch * CHANNELS * OUT_PIXELS) {
        const size_t image = i / OUT_PIXELS / CHANNELS;
        const int channel = i / OUT_PIXELS % CHANNELS, pixel = i % OUT_PIXELS;
        const int top = pixel / OUT_WIDTH * STRIDE - PADDING, left = pixel % OUT_WIDTH * STRIDE - PADDING;
        const REAL* from = x + (image * IN_OF + channel) * PIXELS;
        REAL sum = 0;
#pragma unroll
        for (int tap = 0; tap < TAPS; tap++) {
            const int row = top + tap / KERNEL, at = left + tap % KERNEL;
            const bool inside = row >= 0 && row < HEIGHT && at >= 0 && at < WIDTH;
            if (inside) sum += w[channel * TAPS + tap] * from[row * WIDTH + at];
        }
        REAL* place = y + (image * OUT_OF + channel) * OUT_PIXELS + pixel;
        *place = add ? *place + sum : sum;
    }
}

// dx += the gradient through all outputs that saw a pixel.
extern "C" __global__ void depthwise_backward_input(int batch, const REAL* w, const REAL* dy, REAL* dx) {
    FOR_EACH(i, (size_t)batch * CHANNELS * PIXELS) {
        const size_t image = i / PIXELS / CHANNELS;
        const int channel = i / PIXELS % CHANNELS, pixel = i % PIXELS;
        const int bottom = pixel / WIDTH + PADDING, right = pixel % WIDTH + PADDING;
        const REAL* from = dy + (image * OUT_OF + channel) * OUT_PIXELS;
        REAL sum = 0;
#pragma unroll
        for (int tap = 0; tap < TAPS; tap++) {
            const int row = bottom - tap / KERNEL, at = right - tap % KERNEL;
            const bool seen = row >= 0 && row % STRIDE == 0 && row / STRIDE < OUT_HEIGHT && at >= 0 &&
                              at % STRIDE == 0 && at / STRIDE < OUT_WIDTH;
            if (seen) sum += w[channel * TAPS + tap] * from[row / STRIDE * OUT_WIDTH + at / STRIDE];
        }
        dx[(image * IN_OF + channel) * PIXELS + pixel] += sum;
    }
}

// partials[split][channel][tap] = the sum over a split of the output pixels of all images, in fixed order.
// Grid: channels, splits of `terms` pixels each.
extern "C" __global__ void depthwise_backward_weight(int batch, int terms, const REAL* x, const REAL* dy,
                                                     REAL* partials) {
    const int channel = blockIdx.x;
    const size_t all = (size_t)batch * OUT_PIXELS, begin = (size_t)blockIdx.y * terms;
    const size_t end = begin + terms < all ? begin + terms : all;
    REAL sums[TAPS + 1] = {};
    for (size_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
        const size_t image = i / OUT_PIXELS;
        const int pixel = i % OUT_PIXELS;
        const int top = pixel / OUT_WIDTH * STRIDE - PADDING, left = pixel % OUT_WIDTH * STRIDE - PADDING;
        const REAL slope = dy[(image * OUT_OF + channel) * OUT_PIXELS + pixel];
        const REAL* from = x + (image * IN_OF + channel) * PIXELS;
#pragma unroll
        for (int tap = 0; tap < TAPS; tap++) {
            const int row = top + tap / KERNEL, at = left + tap % KERNEL;
            const bool inside = row >= 0 && row < HEIGHT && at >= 0 && at < WIDTH;
            if (inside) sums[tap] += slope * from[row * WIDTH + at];
        }
    }
    REAL* into = partials + ((size_t)blockIdx.y * CHANNELS + channel) * TAPS;
#pragma unroll
    for (int tap = 0; tap < TAPS; tap += 2) {
        const Pair sum = block_sum(Pair{sums[tap], sums[tap + 1]});
        if (threadIdx.x == 0) {
            into[tap] = sum.a;
            if (tap + 1 < TAPS) into[tap + 1] = sum.b;
        }
    }
}
