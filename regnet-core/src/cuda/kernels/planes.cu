// The mean of each plane of an image and a channel, and the gates of squeeze-and-excitation. Constant: PIXELS.

// A block to each plane.
extern "C" __global__ void plane_mean(const REAL* x, REAL* mean) {
    const REAL* from = x + (size_t)blockIdx.x * PIXELS;
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < PIXELS; i += blockDim.x) sum.a += from[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) mean[blockIdx.x] = sum.a / PIXELS;
}

extern "C" __global__ void plane_mean_backward(size_t planes, const REAL* dmean, REAL* dx) {
    FOR_EACH(i, planes * PIXELS) dx[i] += dmean[i / PIXELS] / PIXELS;
}

extern "C" __global__ void gate_planes(size_t planes, const REAL* x, const REAL* gate, REAL* y) {
    FOR_EACH(i, planes * PIXELS) y[i] = x[i] * gate[i / PIXELS];
}

// The gradient of the gate before its sigmoid: a block to each plane.
extern "C" __global__ void gate_planes_backward_gate(const REAL* x, const REAL* gate, const REAL* dy, REAL* dgate) {
    const size_t first = (size_t)blockIdx.x * PIXELS;
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < PIXELS; i += blockDim.x) sum.a += x[first + i] * dy[first + i];
    sum = block_sum(sum);
    const REAL open = gate[blockIdx.x];
    if (threadIdx.x == 0) dgate[blockIdx.x] = sum.a * open * (1 - open);
}

// dx += dy * gate + dmean / PIXELS.
extern "C" __global__ void gate_planes_backward(size_t planes, const REAL* gate, const REAL* dmean, const REAL* dy,
                                                REAL* dx) {
    FOR_EACH(i, planes * PIXELS) dx[i] += dy[i] * gate[i / PIXELS] + dmean[i / PIXELS] / PIXELS;
}

extern "C" __global__ void relu_in_place(size_t count, REAL* x) {
    FOR_EACH(i, count) x[i] = rectified(x[i]);
}

extern "C" __global__ void sigmoid_in_place(size_t count, REAL* x) {
    FOR_EACH(i, count) x[i] = sigmoid(x[i]);
}

// Clears a gradient where the ReLU's output is zero.
extern "C" __global__ void mask_in_place(size_t count, const REAL* y, REAL* dy) {
    FOR_EACH(i, count) dy[i] = through_relu(y[i], dy[i]);
}
