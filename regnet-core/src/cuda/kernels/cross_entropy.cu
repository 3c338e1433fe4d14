// Label-smoothed cross-entropy: a block to each image. Constant: CLASSES.

// The larger of what each thread holds, for all threads.
__device__ inline REAL block_largest(REAL value) {
    __shared__ REAL largest[WARP];
    for (int apart = WARP / 2; apart > 0; apart /= 2) {
        const REAL other = __shfl_down_sync(0xffffffff, value, apart);
        value = other > value ? other : value;
    }
    if (threadIdx.x % WARP == 0) largest[threadIdx.x / WARP] = value;
    __syncthreads();
    value = largest[0];
    for (int warp = 1; warp < blockDim.x / WARP; warp++) value = largest[warp] > value ? largest[warp] : value;
    return value;
}

// The logarithm of the sum of exponentials, for all threads; and the sum of the logits.
struct Normaliser {
    REAL log, logits;
};

__device__ inline Normaliser normaliser(const REAL* logits) {
    __shared__ REAL log_sum, sum_of_logits;
    REAL largest = logits[0];
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) largest = logits[i] > largest ? logits[i] : largest;
    largest = block_largest(largest);
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) {
        sum.a += exp(logits[i] - largest);
        sum.b += logits[i];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        log_sum = largest + log(sum.a);
        sum_of_logits = sum.b;
    }
    __syncthreads();
    return Normaliser{log_sum, sum_of_logits};
}

// losses[image]; not a number where the label is no class.
extern "C" __global__ void cross_entropy_losses(REAL smoothing, const REAL* logits, const unsigned long long* labels,
                                                REAL* losses) {
    const REAL* row = logits + (size_t)blockIdx.x * CLASSES;
    const unsigned long long label = labels[blockIdx.x];
    const Normaliser of = normaliser(row);
    if (threadIdx.x == 0) {
        // Written with what differs from the normaliser, so that large logits cancel first.
        const REAL spread = of.log - of.logits / CLASSES;
        const REAL hit = label < CLASSES ? of.log - row[label] : REAL(0) / REAL(0);
        losses[blockIdx.x] = (1 - smoothing) * hit + smoothing * spread;
    }
}

// loss = the mean of `batch` losses, by one block.
extern "C" __global__ void mean_loss(int batch, const REAL* losses, REAL* loss) {
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < batch; i += blockDim.x) sum.a += losses[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = sum.a / batch;
}

// dlogits += dloss (softmax - target) / batch.
extern "C" __global__ void cross_entropy_backward(int batch, REAL smoothing, const REAL* logits,
                                                  const unsigned long long* labels, const REAL* dloss,
                                                  REAL* dlogits) {
    const size_t first = (size_t)blockIdx.x * CLASSES;
    const Normaliser of = normaliser(logits + first);
    const REAL scale = *dloss / batch;
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) {
        const REAL target = (i == labels[blockIdx.x] ? 1 - smoothing : REAL(0)) + smoothing / CLASSES;
        dlogits[first + i] += scale * (exp(logits[first + i] - of.log) - target);
    }
}

// A whole number that orders numbers as Rust's total_cmp does.
__device__ inline int order(float x) {
    const int bits = __float_as_int(x);
    return bits ^ (bits >> 31 & 0x7fffffff);
}

__device__ inline long long order(double x) {
    const long long bits = __double_as_longlong(x);
    return bits ^ (bits >> 63 & 0x7fffffffffffffff);
}

// hits[image] = whether no logit before the label's is larger, and none behind it as large.
extern "C" __global__ void hits(const REAL* logits, const unsigned long long* labels, REAL* hits) {
    const REAL* row = logits + (size_t)blockIdx.x * CLASSES;
    const unsigned long long label = labels[blockIdx.x];
    Pair beaten = {0, 0};
    if (label < CLASSES)
        for (int i = threadIdx.x; i < CLASSES; i += blockDim.x)
            beaten.a += i <= label ? order(row[i]) > order(row[label]) : order(row[i]) >= order(row[label]);
    beaten = block_sum(beaten);
    if (threadIdx.x == 0) hits[blockIdx.x] = label < CLASSES && beaten.a == 0;
}

// score = the loss and the number of hits of `batch` images, by one block.
extern "C" __global__ void score(int batch, const REAL* loss, const REAL* hits, REAL* score) {
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < batch; i += blockDim.x) sum.a += hits[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        score[0] = *loss;
        score[1] = sum.a;
    }
}
