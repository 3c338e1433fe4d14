// Pooling: PLANES of images and channels, HEIGHT x WIDTH pixels each; for max pooling also KERNEL, STRIDE, PADDING, OUT_HEIGHT and
// OUT_WIDTH.

#define PIXELS (HEIGHT * WIDTH)
#define OUT_PIXELS (OUT_HEIGHT * OUT_WIDTH)

extern "C" __global__ void max_pool(size_t planes, const REAL* x, REAL* y, unsigned* argmax) {
    FOR_EACH(i, planes * OUT_PIXELS) {
        const REAL* from = x + i / OUT_PIXELS * PIXELS;
        const int pixel = i % OUT_PIXELS;
        const int top = pixel / OUT_WIDTH * STRIDE - PADDING, left = pixel % OUT_WIDTH * STRIDE - PADDING;
        int best = -1;
        for (int tap = 0; tap < KERNEL * KERNEL; tap++) {
            const int row = top + tap / KERNEL, at = left + tap % KERNEL;
            if (row < 0 || row >= HEIGHT || at < 0 || at >= WIDTH) continue;
            const REAL value = from[row * WIDTH + at];
            // Not a number wins, as it does in PyTorch.
            if (best < 0 || value > from[best] || (value != value && from[best] == from[best])) best = row * WIDTH + at;
        }
        y[i] = from[best];
        argmax[i] = best;
    }
}

// Each input pixel looks for the windows that chose it, so that no two threads write one place.
extern "C" __global__ void max_pool_backward(size_t planes, const unsigned* argmax, const REAL* dy, REAL* dx) {
    FOR_EACH(i, planes * PIXELS) {
        const unsigned pixel = i % PIXELS;
        const int row = pixel / WIDTH + PADDING, at = pixel % WIDTH + PADDING;
        const int last_row = row / STRIDE < OUT_HEIGHT ? row / STRIDE : OUT_HEIGHT - 1;
        const int last_at = at / STRIDE < OUT_WIDTH ? at / STRIDE : OUT_WIDTH - 1;
        const int first_row = row < KERNEL ? 0 : (row - KERNEL) / STRIDE + 1;
        const int first_at = at < KERNEL ? 0 : (at - KERNEL) / STRIDE + 1;
        const size_t plane = i / PIXELS * OUT_PIXELS;
        REAL sum = 0;
        for (int y = first_row; y <= last_row; y++)
            for (int x = first_at; x <= last_at; x++)
                if (argmax[plane + y * OUT_WIDTH + x] == pixel) sum += dy[plane + y * OUT_WIDTH + x];
        dx[i] += sum;
    }
}
