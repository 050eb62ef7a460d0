#include "CLlamaBridge.h"
