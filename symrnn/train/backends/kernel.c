#include <math.h>
#include <string.h>
#ifdef VECTOR
#define SIMD __attribute__((simd("notinbranch")))
SIMD R exp@(R); SIMD R tanh@(R); SIMD R log@(R);
#endif

/* C += A B by panels of NR columns of B, packed, and MR rows of A. */
#define MR 6
#define NV 2
#define VL (64 / sizeof(R))
#define NR (NV * VL)
#define KC 256
typedef R V __attribute__((vector_size(64)));
typedef R VU __attribute__((vector_size(64), aligned(sizeof(R))));

static inline __attribute__((always_inline)) void tile(long rows, long K, const R *a, long ra, long ca, const R *b,
                                                       R *c, long ldc, long cols) {
  V acc[MR][NV];
  for (int i = 0; i < rows; i++) for (int j = 0; j < NV; j++) acc[i][j] = (V){0};
  for (long k = 0; k < K; k++) {
    V b0 = *(const V *)(b + k*NR), b1 = *(const V *)(b + k*NR + VL);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      R x = a[i*ra + k*ca];
      acc[i][0] += x * b0;
      acc[i][1] += x * b1;
    }
  }
  if (cols == NR) {
    for (int i = 0; i < rows; i++) for (int j = 0; j < NV; j++) *(VU *)(c + i*ldc + j*VL) += acc[i][j];
  } else {
    for (int i = 0; i < rows; i++) for (long j = 0; j < cols; j++) c[i*ldc + j] += ((R *)acc[i])[j];
  }
}

static __attribute__((noinline)) void mm(long M, long N, long K, const R *a, long ra, long ca, const R *b, long rb,
                                         long cb, R *c, long ldc, int add) {
  static __thread R panel[KC*NR] __attribute__((aligned(64)));
  if (!add) for (long i = 0; i < M; i++) memset(c + i*ldc, 0, N * sizeof(R));
  if (M < 4 && (rb == 1 || cb == 1)) {  /* too few rows to pack for */
    for (long i = 0; i < M; i++) {
      R *d = c + i*ldc;
      if (cb == 1) for (long k = 0; k < K; k++) {
        R x = a[i*ra + k*ca];
        const R *s = b + k*rb;
#pragma GCC ivdep
        for (long j = 0; j < N; j++) d[j] += x*s[j];
      } else for (long j = 0; j < N; j++) {
        R x = 0;
        const R *s = b + j*cb, *u = a + i*ra;
        if (ca == 1) for (long k = 0; k < K; k++) x += u[k]*s[k];
        else for (long k = 0; k < K; k++) x += u[k*ca]*s[k];
        d[j] += x;
      }
    }
    return;
  }
  for (long k0 = 0; k0 < K; k0 += KC) {
    long kc = K - k0 < KC ? K - k0 : KC;
    for (long j0 = 0; j0 < N; j0 += NR) {
      long cols = N - j0 < NR ? N - j0 : NR;
      for (long k = 0; k < kc; k++) {
        const R *s = b + (k0 + k)*rb + j0*cb;
        R *d = panel + k*NR;
        long j = 0;
        for (; j < cols; j++) d[j] = s[j*cb];
        for (; j < NR; j++) d[j] = 0;
      }
      const R *s = a + k0*ca;
      R *d = c + j0;
      long i = 0;
      for (; i + MR <= M; i += MR) tile(MR, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols);
      switch (M - i) {
        case 5: tile(5, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols); break;
        case 4: tile(4, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols); break;
        case 3: tile(3, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols); break;
        case 2: tile(2, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols); break;
        case 1: tile(1, kc, s + i*ra, ra, ca, panel, d + i*ldc, ldc, cols); break;
      }
    }
  }
}
