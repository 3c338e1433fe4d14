// Sums over the images and pixels of each channel, and what is made of them: batch normalisation and biases.
//
// Constants: CHANNELS, PIXELS. The elements of a channel, all images' pixels one after the other, are shared out over
// gridDim.y splits of `terms` each; gridDim.x is the channel. `partials` is [splits][CHANNELS] pairs.

// The place of a channel's element.
__device__ inline size_t place(size_t element, int channel) {
    return (element / PIXELS * CHANNELS + channel) * PIXELS + element % PIXELS;
}

struct Split {
    size_t begin, end;
};

__device__ inline Split split_of(int batch, int terms) {
    const size_t all = (size_t)batch * PIXELS, begin = (size_t)blockIdx.y * terms;
    return Split{begin, begin + terms < all ? begin + terms : all};
}

__device__ inline void write_partial(REAL* partials, Pair sum) {
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        REAL* into = partials + ((size_t)blockIdx.y * CHANNELS + blockIdx.x) * 2;
        into[0] = sum.a;
        into[1] = sum.b;
    }
}

struct Total {
    double a, b;
};

__device__ inline Total total(const REAL* partials, int splits, int channel) {
    Total total = {0, 0};
    for (int split = 0; split < splits; split++) {
        total.a += partials[((size_t)split * CHANNELS + channel) * 2];
        total.b += partials[((size_t)split * CHANNELS + channel) * 2 + 1];
    }
    return total;
}

// Sums of x and of its squares, both less the channel's first element, so that a mean far from zero cancels nothing.
extern "C" __global__ void moments(int batch, int terms, const REAL* x, REAL* partials) {
    const Split split = split_of(batch, terms);
    const REAL shift = x[place(0, blockIdx.x)];
    Pair sum = {0, 0};
    for (size_t i = split.begin + threadIdx.x; i < split.end; i += blockDim.x) {
        const REAL value = x[place(i, blockIdx.x)] - shift;
        sum.a += value;
        sum.b += value * value;
    }
    write_partial(partials, sum);
}

extern "C" __global__ void statistics(int batch, int splits, double epsilon, const REAL* x, const REAL* partials,
                                      REAL* mean, REAL* variance, REAL* inv_std) {
    FOR_EACH(channel, CHANNELS) {
        const Total sum = total(partials, splits, channel);
        const double count = (double)batch * PIXELS, shifted = sum.a / count;
        // Rounding may make it negative; not a number stays what it is.
        const double spread = sum.b / count - shifted * shifted, biased = spread < 0 ? 0 : spread;
        mean[channel] = x[place(0, channel)] + shifted;
        variance[channel] = biased;
        inv_std[channel] = 1 / sqrt(biased + epsilon);
    }
}

// Running statistics after a batch. A channel whose statistics in the batch are not finite keeps its own.
extern "C" __global__ void follow(double keep, double mean_share, double variance_share, const REAL* running_mean,
                                  const REAL* running_variance, const REAL* batch_mean, const REAL* batch_variance,
                                  REAL* mean, REAL* variance) {
    FOR_EACH(channel, CHANNELS) {
        // What is not finite is not zero less itself.
        const bool finite = batch_mean[channel] - batch_mean[channel] == 0 &&
                            batch_variance[channel] - batch_variance[channel] == 0;
        mean[channel] = finite ? running_mean[channel] * (REAL)keep + batch_mean[channel] * (REAL)mean_share
                               : running_mean[channel];
        variance[channel] = finite
                                ? running_variance[channel] * (REAL)keep + batch_variance[channel] * (REAL)variance_share
                                : running_variance[channel];
    }
}

extern "C" __global__ void normalise(int batch, int relu, const REAL* x, const REAL* mean, const REAL* inv_std,
                                     const REAL* gamma, const REAL* beta, const REAL* residual, REAL* y) {
    FOR_EACH(i, (size_t)batch * CHANNELS * PIXELS) {
        const int channel = i / PIXELS % CHANNELS;
        REAL value = gamma[channel] * ((x[i] - mean[channel]) * inv_std[channel]) + beta[channel];
        if (residual) value += residual[i];
        y[i] = relu ? rectified(value) : value;
    }
}

// Sums of the gradient behind the activation, and of its product with the normalised input.
extern "C" __global__ void normalise_backward_sums(int batch, int terms, int relu, const REAL* x, const REAL* mean,
                                                   const REAL* inv_std, const REAL* y, const REAL* dy,
                                                   REAL* partials) {
    const Split split = split_of(batch, terms);
    const REAL centre = mean[blockIdx.x], scale = inv_std[blockIdx.x];
    Pair sum = {0, 0};
    for (size_t i = split.begin + threadIdx.x; i < split.end; i += blockDim.x) {
        const size_t at = place(i, blockIdx.x);
        const REAL gradient = relu ? through_relu(y[at], dy[at]) : dy[at];
        sum.a += gradient;
        sum.b += gradient * ((x[at] - centre) * scale);
    }
    write_partial(partials, sum);
}

// Adds the sums to the gradients of shift and scale, and writes the means, zero where the statistics are constants.
extern "C" __global__ void normalise_backward_parameters(int batch, int splits, int training, const REAL* partials,
                                                         REAL* dgamma, REAL* dbeta, REAL* means) {
    FOR_EACH(channel, CHANNELS) {
        const Total sum = total(partials, splits, channel);
        const double count = (double)batch * PIXELS;
        dbeta[channel] += sum.a;
        dgamma[channel] += sum.b;
        means[channel] = training ? sum.a / count : 0;
        means[CHANNELS + channel] = training ? sum.b / count : 0;
    }
}

extern "C" __global__ void normalise_backward(int batch, int relu, const REAL* x, const REAL* mean,
                                              const REAL* inv_std, const REAL* gamma, const REAL* means,
                                              const REAL* y, const REAL* dy, REAL* dx, REAL* dresidual) {
    FOR_EACH(i, (size_t)batch * CHANNELS * PIXELS) {
        const int channel = i / PIXELS % CHANNELS;
        const REAL gradient = relu ? through_relu(y[i], dy[i]) : dy[i];
        const REAL normalised = (x[i] - mean[channel]) * inv_std[channel];
        const REAL through = means[channel] + normalised * means[CHANNELS + channel];
        dx[i] += gamma[channel] * inv_std[channel] * (gradient - through);
        if (dresidual) dresidual[i] += gradient;
    }
}

// The sum of each channel.
extern "C" __global__ void channel_sums(int batch, int terms, const REAL* x, REAL* partials) {
    const Split split = split_of(batch, terms);
    Pair sum = {0, 0};
    for (size_t i = split.begin + threadIdx.x; i < split.end; i += blockDim.x) sum.a += x[place(i, blockIdx.x)];
    write_partial(partials, sum);
}

extern "C" __global__ void add_channel_sums(int splits, const REAL* partials, REAL* into) {
    FOR_EACH(channel, CHANNELS) into[channel] += total(partials, splits, channel).a;
}
