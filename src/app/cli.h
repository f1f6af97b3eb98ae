// The command line: src/app/main.cpp calls run() and nothing else.
#pragma once
namespace nightpost::app {
int run(int argc, char** argv);
}
