// An id of one kind is not taken for another.
// error: no match for|could not convert|cannot convert|no matching function
#include <tenon/tenon.hpp>

tenon::Asset use(tenon::Assets assets, tenon::AssetId id) { return assets.get(id); }

#ifdef MISUSE
tenon::Asset misuse(tenon::Assets assets, tenon::ProjectId id) { return assets.get(id); }
#endif
