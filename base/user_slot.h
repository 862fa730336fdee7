#ifndef SPINDLE_BASE_USER_SLOT_H_
#define SPINDLE_BASE_USER_SLOT_H_

#include <memory>
#include <utility>

namespace spindle {

// One value of any type, movable or not, found again by its type; a pointer while empty. One thread
// at a time.
class UserSlot {
 public:
  template <typename T, typename... Args>
  T& Emplace(Args&&... args) {
    auto holder = std::make_unique<Holder<T>>(std::forward<Args>(args)...);
    T& value = holder->value;
    holder_ = std::move(holder);
    return value;
  }
  // Null if the slot is empty or holds another type.
  template <typename T>
  T* Get() const {
    if (holder_ == nullptr || holder_->type != &Holder<T>::kType) return nullptr;
    return &static_cast<Holder<T>&>(*holder_).value;
  }

 private:
  struct HolderBase {
    explicit HolderBase(const char* type_tag) : type(type_tag) {}
    virtual ~HolderBase() = default;
    const char* const type;
  };
  template <typename T>
  struct Holder final : HolderBase {
    static constexpr char kType = 0;  // Its address names the type.
    template <typename... Args>
    explicit Holder(Args&&... args) : HolderBase(&kType), value(std::forward<Args>(args)...) {}
    T value;
  };

  std::unique_ptr<HolderBase> holder_;
};

}  // namespace spindle

#endif  // SPINDLE_BASE_USER_SLOT_H_
