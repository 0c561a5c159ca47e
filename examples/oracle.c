/* oracle: is this certificate good for that host?
 *
 *   oracle ROOTS HOST <certificate
 *
 * ROOTS are read while that is allowed; the certificate, DER and PEM within
 * ASN.1 within base64, comes from the host itself. After the promise nothing is
 * left but a verdict. */
#include "hole.h"

#include <err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>
#include <vow.h>

static X509_STORE *load_roots(const char *path)
{
    X509_STORE *roots = X509_STORE_new();
    if (!roots || X509_STORE_load_file(roots, path) != 1)
        errx(2, "%s: no certificates", path);
    return roots;
}

/* judge: NULL if it is good, else why not. */
static const char *judge(X509_STORE *roots, X509 *certificate, const char *host)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    if (!check || X509_STORE_CTX_init(check, roots, certificate, NULL) != 1)
        errx(2, "out of memory");
    if (X509_verify_cert(check) != 1)
        return X509_verify_cert_error_string(X509_STORE_CTX_get_error(check));
    if (X509_check_host(certificate, host, 0, 0, NULL) != 1)
        return "it is another host's";
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "usage: oracle ROOTS HOST <certificate");
    X509_STORE *roots = load_roots(argv[1]);
    if (pledge("stdio", NULL) != 0)
        err(2, "pledge");

    X509 *certificate = PEM_read_X509(stdin, NULL, NULL, NULL);
    if (!certificate)
        errx(2, "standard input: no certificate");
    char *subject = X509_NAME_oneline(X509_get_subject_name(certificate), NULL, 0);
    HOLE(subject);
    const char *fault = judge(roots, certificate, argv[2]);
    printf("%s%s\n", fault ? "bad: " : "good", fault ? fault : "");
    return fault != NULL;
}
