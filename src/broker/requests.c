/* requests: what a program asks of its broker (enum broker_request). */
#include "broker/broker.h"
#include "broker/loader.h"
#include "broker/perform.h"
#include "broker/public.h"
#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Arguments of a request: prctl(UNVEIL_CALL, request, path or number, permissions). */
enum { REQUEST_KIND = 1, REQUEST_PATH = 2, REQUEST_PERMISSIONS = 3 };

/* may_touch: any access at all is enough for a rule. */
static bool may_touch(const char *path)
{
    return direct(faccessat, AT_FDCWD, path, R_OK) == 0 ||
           direct(faccessat, AT_FDCWD, path, W_OK) == 0 ||
           direct(faccessat, AT_FDCWD, path, X_OK) == 0;
}

static bool may_name(const struct place *place)
{
    char self[SELF_PATH_SIZE];
    return (place->object >= 0 && may_touch(self_path(place->object, self))) ||
           may_touch(self_path(place->dir, self));
}

/* add_place: a rule about a directory, or about a name in one. */
static int add_place(struct rules *rules, struct place *place, uint8_t letters, const char *path)
{
    bool whole = place->object >= 0 && S_ISDIR(place->stat.st_mode), taken;
    int *fd = whole ? &place->object : &place->dir;
    struct stat in = place->stat;
    if (!whole && fstat(*fd, &in) < 0)
        return -errno;
    struct rule_directory directory = {{in.st_dev, in.st_ino}, *fd, letters, 0, ""};
    size_t size = strlen(path);
    if (whole && path[0] == '/' && size < sizeof directory.path) {
        directory.path_size = (uint8_t)size;
        memcpy(directory.path, path, size + 1);
    }
    int code = rules_add(rules, &directory, whole ? NULL : place->name, &taken);
    if (code == 0 && taken)
        take_fd(fd);
    return code;
}

static int add(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    const struct finding finding = {-1, REQUEST_PATH, 0, FIND_ABSENT, 0};
    char letters[6];
    if (request->judges.count > 0 && request->judges.at[0]->locked)
        return -EPERM;
    ssize_t code = caller_text(&request->held, argument(broker, REQUEST_PERMISSIONS), letters,
                               sizeof letters - 1);
    if (code < 0)
        return (int)code;
    /* A view that was begun anew learns nothing of what those under it hide: they
     * would hide it whatever its own rule is, so none is kept. */
    bool anew = request->judges.count > 1;
    request->walk.rules = anew ? &request->judges.at[1]->rules : NULL;
    code = find(broker, &finding, &place);
    if (code == -ENOENT && request->path[0] != '\0' && anew)
        return 0;
    if (code < 0)
        return code == -ENOENT && request->path[0] == '\0' ? -EINVAL : (int)code;
    if (place.dir < 0)
        return -ENOENT;
    if (!may_name(&place))
        return -EPERM;
    if ((code = rules_letters(letters)) < 0)
        return (int)code;
    struct view *view = views_own(&broker->views, request->held.pid, false);
    return view ? add_place(&view->rules, &place, (uint8_t)code, request->path) : -E2BIG;
}

/* fetch: gives one of the public files, whatever the rules are. */
static int64_t fetch(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    char self[SELF_PATH_SIZE];
    const struct finding finding = {-1, REQUEST_PATH, 0, 0, 0};
    broker->request.walk.rules = NULL;
    int code = find(broker, &finding, &place);
    if (code < 0)
        return code;
    const char *path = broker->request.path;
    if (!public_exception(path, RULE_READ))
        return -EACCES;
    int mode = public_exception(path, RULE_READ | RULE_WRITE) ? O_RDWR : O_RDONLY;
    int fd CLEAN_FD = open(self_path(place.object, self), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
        return -errno;
    code = notify_give(broker->listener, broker->request.held.id, fd, true);
    return code < 0 ? code : ANSWER_GIVEN;
}

/* may_read: by the views that lie under its own, or beside it. What has no place,
 * as a removed file, is not its business. */
static bool may_read(struct broker *broker, int fd)
{
    struct request *request = &broker->request;
    bool permitted = true;
    for (size_t i = 1; permitted && i < request->judges.count; i++) {
        struct place place CLEAN_PLACE = NO_PLACE;
        int object = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        request->walk.rules = &request->judges.at[i]->rules;
        permitted = object >= 0 && walk_object(&request->walk, object, &place) == 0 &&
                    (place.dir >= 0 || S_ISDIR(place.stat.st_mode)) &&
                    place_permits(&place, RULE_READ) == 0;
    }
    return permitted;
}

/* executable: gives a descriptor of the next thing that Landlock is to let the
 * program execute; as loader_next(), and -EALREADY once it is locked: nobody needs
 * to know then, and what may only be executed would come readable. So nothing is
 * given that other views do not let it read: its own it may begin anew. */
static int64_t executable(struct broker *broker)
{
    struct view *view = broker->request.judges.at[0];
    if (view->locked)
        return -EALREADY;
    if (argument_int(broker, REQUEST_PATH) == 0)
        loader_end(&view->executables);
    int fd CLEAN_FD = loader_next(&view->rules, &view->executables);
    if (fd < 0)
        return fd;
    if (!loader_is_last(&view->rules, &view->executables) && !may_read(broker, fd))
        return -ESRCH;
    int code = notify_give(broker->listener, broker->request.held.id, fd, true);
    return code < 0 ? code : ANSWER_GIVEN;
}

/* lock: what the program says of Landlock is believed once: before, it could have
 * added rules. */
static int lock(struct broker *broker)
{
    if (broker->request.judges.at[0]->locked)
        return 0;
    struct view *view = views_own(&broker->views, broker->request.held.pid, false);
    if (!view)
        return -E2BIG;
    view->landlocked = argument_int(broker, REQUEST_PATH);
    view->locked = true;
    return 0;
}

int64_t requests_perform(struct broker *broker)
{
    struct request *request = &broker->request;
    uint64_t kind = argument(broker, REQUEST_KIND);
    if (request->judges.count == 0)
        return -EACCES;
    switch (kind) {
    case BROKER_HELLO: return 0;
    case BROKER_ANEW: return views_own(&broker->views, request->held.pid, true) ? 0 : -E2BIG;
    case BROKER_ADD: return add(broker);
    case BROKER_LOCK: return lock(broker);
    case BROKER_FETCH: return fetch(broker);
    case BROKER_EXCEPT: request->judges.at[0]->except = true; return 0;
    case BROKER_EXECUTABLE: return executable(broker);
    default: return -EINVAL;
    }
}
