// Grouped convolution as products of tiles. No matrix of patches is ever stored: a tile of it is gathered into shared memory
// while it is multiplied.
//
// Constants: WARPS (of a block), TILE_ROWS (a multiple of 4) and TILE_COLUMNS (numbers that one thread sums up). A warp's
// lanes lie along the columns, its number along the rows.

#define DEPTH (GROUP_IN * TAPS)

#define THREADS (WARPS * WARP)
#define ROWS (WARPS * TILE_ROWS)
#define COLUMNS (WARP * TILE_COLUMNS)
// Terms of the sums that are in shared memory at a time.
#define SLICE 16

// A row of four is read at once; threads that write one column to many rows use different banks, or pairs of them.
struct Left {
    REAL at[SLICE][ROWS + 4];
};

struct Right {
    REAL at[SLICE][COLUMNS + 1];
};

struct __align__(4 * sizeof(REAL)) Four {
    REAL of[4];
};

struct Sums {
    REAL at[TILE_ROWS][TILE_COLUMNS];
};

__device__ inline int lane_column(int j) {
    return threadIdx.x % WARP + j * WARP;
}

__device__ inline int warp_row() {
    return threadIdx.x / WARP * TILE_ROWS;
}

__device__ inline void multiply(const Left& left, const Right& right, Sums& sums) {
#pragma unroll
    for (int k = 0; k < SLICE; k++) {
        REAL b[TILE_COLUMNS];
#pragma unroll
        for (int j = 0; j < TILE_COLUMNS; j++) b[j] = right.at[k][lane_column(j)];
#pragma unroll
        for (int i = 0; i < TILE_ROWS; i += 4) {
            const Four a = *reinterpret_cast<const Four*>(&left.at[k][warp_row() + i]);
#pragma unroll
            for (int four = 0; four < 4; four++)
#pragma unroll
                for (int j = 0; j < TILE_COLUMNS; j++) sums.at[i + four][j] += a.of[four] * b[j];
        }
    }
}
