#pragma once

// fmt for the whole project: the one place that names the library.
#include <fmt/format.h>
