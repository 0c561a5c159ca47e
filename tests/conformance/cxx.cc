// What C++ brings with it, in a program that has promised: exceptions, in
// threads too, and a header that C++ can read. As fresh.c, without its table:
// nothing is thrown before the promise.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <vow.h>

namespace
{
int cleaned;

struct guard {
    ~guard()
    {
        cleaned++;
    }
};

void descend(int depth)
{
    guard here;
    if (depth == 0)
        throw std::runtime_error("from below");
    descend(depth - 1);
}

bool catches()
{
    cleaned = 0;
    try {
        descend(9);
    } catch (const std::exception &error) {
        return cleaned == 10 && error.what() == std::string("from below");
    }
    return false;
}

bool catches_in_threads()
{
    bool caught[4] = {};
    std::vector<std::thread> threads;
    for (bool &one : caught)
        threads.emplace_back([&one] {
            try {
                static_cast<void>(std::vector<int>().at(1));
            } catch (const std::out_of_range &) {
                one = true;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    return caught[0] && caught[1] && caught[2] && caught[3];
}
} // namespace

int main()
{
    if (pledge("stdio", nullptr) != 0)
        return 2;
    bool here = catches(), threads = catches_in_threads();
    std::printf("1..2\n%s 1 - exceptions\n%s 2 - exceptions in threads\n", here ? "ok" : "not ok",
                threads ? "ok" : "not ok");
    return here && threads ? 0 : 1;
}
