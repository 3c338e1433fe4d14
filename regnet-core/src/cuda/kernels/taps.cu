// The efficient form of a regulator's convolutions: 3x3 kernels, each with a factor of its own.

#define TAPS 9

extern "C" __global__ void scale_taps(int rows, const REAL* scale, const REAL* spatial, REAL* w) {
    FOR_EACH(i, (size_t)rows * TAPS) w[i] = scale[i / TAPS] * spatial[i];
}

extern "C" __global__ void scale_taps_backward(int rows, const REAL* scale, const REAL* spatial, const REAL* dw,
                                               REAL* dscale, REAL* dspatial) {
    FOR_EACH(row, rows) {
        REAL sum = 0;
        for (int tap = 0; tap < TAPS; tap++) {
            sum += dw[row * TAPS + tap] * spatial[row * TAPS + tap];
            dspatial[row * TAPS + tap] += dw[row * TAPS + tap] * scale[row];
        }
        dscale[row] += sum;
    }
}
