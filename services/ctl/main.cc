#include "ctl/build.h"

int main(int argc, char** argv) {
  return penstock::ctl::RunPenstock(penstock::process::Arguments(argc, argv));
}
