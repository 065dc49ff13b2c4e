#pragma once

#include <memory>
#include <utility>

#include "base/result.h"

namespace penstock::state {

/// Opens the store that is there; one that is damaged is told of to `damaged`, erased, and opened
/// empty. Fails as Store::Open and Store::Erase do.
template <typename Store, typename Damaged>
Result<std::unique_ptr<Store>> OpenOrReplace(const typename Store::Options& options,
                                             Damaged damaged) {
  auto opened = Store::Open(options);
  if (opened.ok() || opened.error().code != "corrupt") return opened;
  damaged(opened.error());
  PENSTOCK_RETURN_IF_ERROR(Store::Erase(options.folder));
  return Store::Open(options);
}

}  // namespace penstock::state
