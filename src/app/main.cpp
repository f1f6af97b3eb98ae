#include "app/cli.h"

int main(int argc, char** argv) { return nightpost::app::run(argc, argv); }
