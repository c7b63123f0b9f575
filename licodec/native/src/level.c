/* The kernels of one instruction set; compiled once for each, with LC_LEVEL and LC_KERNELS. */
#include "prior.h"
#include "wavelet.h"

#define TEXT(x) #x
#define NAME(x) TEXT(x)

const lc_kernels LC_KERNELS = {
    NAME(LC_LEVEL_NAME), pack_layer, trunk_rows, head_rows, put_value_rows, synthesise_window,
};
