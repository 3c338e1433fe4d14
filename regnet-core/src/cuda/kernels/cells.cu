// The pointwise halves of a regulator's cells. Constants: CHANNELS, PIXELS. Gates are [batch][gates][CHANNELS][PIXELS]; a state is
// [batch][maps][CHANNELS][PIXELS], the hidden state first. A null state is zero.

#define SLAB ((size_t)CHANNELS * PIXELS)

// Of element i of the hidden state: its place in map `index` of a tensor of `of` maps.
__device__ inline size_t in_map(size_t i, int index, int of) {
    return (i / SLAB * of + index) * SLAB + i % SLAB;
}

__device__ inline int channel_of(size_t i) {
    return i / PIXELS % CHANNELS;
}

extern "C" __global__ void rnn(int batch, const REAL* bias, REAL* out) {
    FOR_EACH(i, batch * SLAB) out[i] = tanh(out[i] + bias[channel_of(i)]);
}

extern "C" __global__ void rnn_backward(int batch, const REAL* out, const REAL* dout, REAL* dgates) {
    FOR_EACH(i, batch * SLAB) dgates[i] = dout[i] * (1 - out[i] * out[i]);
}

// The reset gate, and what it leaves of the hidden state.
extern "C" __global__ void gru_reset(int batch, const REAL* bias, const REAL* state, REAL* gates, REAL* reset) {
    FOR_EACH(i, batch * SLAB) {
        REAL& gate = gates[in_map(i, 1, 3)];
        gate = sigmoid(gate + bias[CHANNELS + channel_of(i)]);
        reset[i] = gate * state[i];
    }
}

extern "C" __global__ void gru(int batch, const REAL* bias, const REAL* state, REAL* gates, REAL* out) {
    FOR_EACH(i, batch * SLAB) {
        const int channel = channel_of(i);
        const REAL update = sigmoid(gates[in_map(i, 0, 3)] + bias[channel]);
        const REAL candidate = tanh(gates[in_map(i, 2, 3)] + bias[2 * CHANNELS + channel]);
        gates[in_map(i, 0, 3)] = update;
        gates[in_map(i, 2, 3)] = candidate;
        out[i] = (1 - update) * (state ? state[i] : REAL(0)) + update * candidate;
    }
}

extern "C" __global__ void gru_backward(int batch, const REAL* state, const REAL* dout, REAL* gates, REAL* dstate) {
    FOR_EACH(i, batch * SLAB) {
        const REAL update = gates[in_map(i, 0, 3)], candidate = gates[in_map(i, 2, 3)];
        const REAL before = state ? state[i] : REAL(0);
        gates[in_map(i, 0, 3)] = dout[i] * (candidate - before) * update * (1 - update);
        gates[in_map(i, 2, 3)] = dout[i] * update * (1 - candidate * candidate);
        if (!state) gates[in_map(i, 1, 3)] = 0;
        if (dstate) dstate[i] += dout[i] * (1 - update);
    }
}

extern "C" __global__ void gru_reset_backward(int batch, const REAL* state, const REAL* dreset, REAL* gates,
                                              REAL* dstate) {
    FOR_EACH(i, batch * SLAB) {
        REAL& gate = gates[in_map(i, 1, 3)];
        const REAL open = gate;
        gate = dreset[i] * state[i] * open * (1 - open);
        dstate[i] += dreset[i] * open;
    }
}

extern "C" __global__ void lstm(int batch, const REAL* bias, const REAL* state, REAL* gates, REAL* out) {
    FOR_EACH(i, batch * SLAB) {
        REAL activated[4];
#pragma unroll
        for (int gate = 0; gate < 4; gate++) {
            const size_t at = in_map(i, gate, 4);
            const REAL sum = gates[at] + bias[gate * CHANNELS + channel_of(i)];
            activated[gate] = gate == 3 ? tanh(sum) : sigmoid(sum);
            gates[at] = activated[gate];
        }
        const REAL before = state ? state[in_map(i, 1, 2)] : REAL(0);
        const REAL memory = activated[1] * before + activated[0] * activated[3];
        out[in_map(i, 0, 2)] = activated[2] * tanh(memory);
        out[in_map(i, 1, 2)] = memory;
    }
}

extern "C" __global__ void lstm_backward(int batch, const REAL* state, const REAL* out, const REAL* dout, REAL* gates,
                                         REAL* dstate) {
    FOR_EACH(i, batch * SLAB) {
        REAL gate[4];
#pragma unroll
        for (int index = 0; index < 4; index++) gate[index] = gates[in_map(i, index, 4)];
        const REAL before = state ? state[in_map(i, 1, 2)] : REAL(0);
        const REAL shown = tanh(out[in_map(i, 1, 2)]), dhidden = dout[in_map(i, 0, 2)];
        const REAL dmemory = dout[in_map(i, 1, 2)] + dhidden * gate[2] * (1 - shown * shown);
        if (dstate) dstate[in_map(i, 1, 2)] += dmemory * gate[1];
        gates[in_map(i, 0, 4)] = dmemory * gate[3] * gate[0] * (1 - gate[0]);
        gates[in_map(i, 1, 4)] = dmemory * before * gate[1] * (1 - gate[1]);
        gates[in_map(i, 2, 4)] = dhidden * shown * gate[2] * (1 - gate[2]);
        gates[in_map(i, 3, 4)] = dmemory * gate[0] * (1 - gate[3] * gate[3]);
    }
}
