// Boost.JSON, compiled here once: header-only, no package of its own.
#include <boost/json/src.hpp>
