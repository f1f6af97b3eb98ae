#include "app/cli.h"
namespace nightpost::app {
int run(int, char**) { return 2; }
}
