#include "contract/call_text.h"

#include <stdlib.h>
#include <string.h>

#include "contract/example.h"

#define SERVER "https://exchange.example"

/* @URL@, @BODY@ and @HEADERS@ are filled in. */
static const char curl_text[] =
    "curl --silent --show-error --include --tlsv1.3 \\\n"
    "  --cert client.crt --key client.key --cacert ca.crt \\\n"
    "  -H 'Content-Type: application/json' \\\n"
    "@HEADERS@"
    "  --data '@BODY@' \\\n"
    "  @URL@\n";

static const char python_text[] =
    "import http.client\n"
    "import ssl\n"
    "from urllib.parse import urlsplit\n"
    "\n"
    "url = urlsplit(\"@URL@\")\n"
    "tls = ssl.create_default_context(cafile=\"ca.crt\")\n"
    "tls.minimum_version = ssl.TLSVersion.TLSv1_3\n"
    "tls.load_cert_chain(\"client.crt\", \"client.key\")\n"
    "connection = http.client.HTTPSConnection(url.hostname, url.port, "
    "context=tls)\n"
    "connection.request(\"POST\", url.path, r'''@BODY@'''.encode(), {\n"
    "    \"Content-Type\": \"application/json\",\n"
    "@HEADERS@"
    "})\n"
    "answer = connection.getresponse()\n"
    "print(answer.getheader(\"Payvand-Outcome\"), "
    "answer.getheader(\"Payvand-Tracking-Id\"))\n"
    "print(answer.read().decode())\n";

static const char java_text[] =
    "// Java 17 or later: java -Dfile.encoding=UTF-8 Call.java\n"
    "// Once, before:\n"
    "//   openssl pkcs12 -export -in client.crt -inkey client.key "
    "-out client.p12 -passout pass:changeit\n"
    "//   keytool -importcert -noprompt -file ca.crt -keystore ca.p12 "
    "-storepass changeit\n"
    "import java.io.FileInputStream;\n"
    "import java.net.URI;\n"
    "import java.net.http.HttpClient;\n"
    "import java.net.http.HttpRequest;\n"
    "import java.net.http.HttpResponse;\n"
    "import java.security.KeyStore;\n"
    "import javax.net.ssl.KeyManagerFactory;\n"
    "import javax.net.ssl.SSLContext;\n"
    "import javax.net.ssl.TrustManagerFactory;\n"
    "\n"
    "public class Call {\n"
    "    static KeyStore store(String file) throws Exception {\n"
    "        KeyStore store = KeyStore.getInstance(\"PKCS12\");\n"
    "        try (FileInputStream in = new FileInputStream(file)) {\n"
    "            store.load(in, \"changeit\".toCharArray());\n"
    "        }\n"
    "        return store;\n"
    "    }\n"
    "\n"
    "    public static void main(String[] args) throws Exception {\n"
    "        KeyManagerFactory keys = "
    "KeyManagerFactory.getInstance(\"PKIX\");\n"
    "        keys.init(store(\"client.p12\"), \"changeit\".toCharArray());\n"
    "        TrustManagerFactory trust = "
    "TrustManagerFactory.getInstance(\"PKIX\");\n"
    "        trust.init(store(\"ca.p12\"));\n"
    "        SSLContext tls = SSLContext.getInstance(\"TLSv1.3\");\n"
    "        tls.init(keys.getKeyManagers(), trust.getTrustManagers(), null);\n"
    "        HttpRequest request = HttpRequest.newBuilder()\n"
    "            .uri(URI.create(\"@URL@\"))\n"
    "            .header(\"Content-Type\", \"application/json\")\n"
    "@HEADERS@"
    "            .POST(HttpRequest.BodyPublishers.ofString(\"@BODY@\"))\n"
    "            .build();\n"
    "        HttpResponse<String> answer = HttpClient.newBuilder()\n"
    "            .sslContext(tls).build()\n"
    "            .send(request, HttpResponse.BodyHandlers.ofString());\n"
    "        System.out.println(answer.headers()"
    ".firstValue(\"Payvand-Outcome\").orElse(\"\"));\n"
    "        System.out.println(answer.body());\n"
    "    }\n"
    "}\n";

static const char csharp_text[] =
    "// .NET 6 or later, or .NET Framework 4.8; TLS 1.3 is the system's\n"
    "// (Windows 11 or Server 2022, any Linux). Once:\n"
    "//   openssl pkcs12 -export -in client.crt -inkey client.key "
    "-out client.p12 -passout pass:changeit\n"
    "using System;\n"
    "using System.Linq;\n"
    "using System.Net.Http;\n"
    "using System.Net.Security;\n"
    "using System.Security.Cryptography.X509Certificates;\n"
    "using System.Text;\n"
    "\n"
    "class Call\n"
    "{\n"
    "    // Only what ca.crt vouches for; the machine's authorities are not "
    "asked.\n"
    "    static bool Trusted(X509Certificate2 certificate, X509Chain sent,\n"
    "                        SslPolicyErrors errors)\n"
    "    {\n"
    "        var authority = new X509Certificate2(\"ca.crt\");\n"
    "        var chain = new X509Chain();\n"
    "        chain.ChainPolicy.ExtraStore.Add(authority);\n"
    "        chain.ChainPolicy.ExtraStore.AddRange("
    "sent.ChainPolicy.ExtraStore);\n"
    "        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;\n"
    "        chain.ChainPolicy.VerificationFlags =\n"
    "            X509VerificationFlags.AllowUnknownCertificateAuthority;\n"
    "        return (errors & ~SslPolicyErrors.RemoteCertificateChainErrors)\n"
    "                == SslPolicyErrors.None\n"
    "            && chain.Build(certificate)\n"
    "            && chain.ChainElements[chain.ChainElements.Count - 1]\n"
    "                .Certificate.RawData.SequenceEqual(authority.RawData);\n"
    "    }\n"
    "\n"
    "    static void Main()\n"
    "    {\n"
    "        var handler = new HttpClientHandler();\n"
    "        handler.ClientCertificates.Add(\n"
    "            new X509Certificate2(\"client.p12\", \"changeit\"));\n"
    "        handler.ServerCertificateCustomValidationCallback =\n"
    "            (of, certificate, sent, errors) => Trusted(certificate, sent, "
    "errors);\n"
    "        using (var client = new HttpClient(handler))\n"
    "        {\n"
    "            var request = new HttpRequestMessage(HttpMethod.Post,\n"
    "                \"@URL@\");\n"
    "            request.Content = new StringContent(\"@BODY@\",\n"
    "                Encoding.UTF8, \"application/json\");\n"
    "@HEADERS@"
    "            var answer = client.SendAsync(request).Result;\n"
    "            Console.WriteLine(string.Join(\"\", "
    "answer.Headers.GetValues(\"Payvand-Outcome\")));\n"
    "            "
    "Console.WriteLine(answer.Content.ReadAsStringAsync().Result);\n"
    "        }\n"
    "    }\n"
    "}\n";

static const struct {
    const char *name;
    const char *text;
    const char *header;  /* one more header: its name, its value */
    bool        escaped; /* the body stands in a string with backslashes */
} language[] = {
    [PV_CALL_CURL] = {"curl", curl_text, "  -H '%s: %s' \\\n", false},
    [PV_CALL_PYTHON] = {"python", python_text, "    \"%s\": \"%s\",\n", false},
    [PV_CALL_JAVA] = {"java", java_text,
                      "            .header(\"%s\", \"%s\")\n", true},
    [PV_CALL_CSHARP] = {"csharp", csharp_text,
                        "            request.Headers.Add(\"%s\", \"%s\");\n",
                        true},
};

bool
pv_call_text_named(const char *name, enum pv_call_text *ret)
{
    for (size_t i = 0; i < sizeof(language) / sizeof(language[0]); i++) {
        if (strcmp(language[i].name, name) == 0) {
            *ret = (enum pv_call_text)i;
            return true;
        }
    }
    return false;
}

/*
 * JSON within quotes of the language. An apostrophe would end those of a shell
 * and of Python, and what an example says next would be run: JSON has another
 * word for it.
 */
static enum pv_err
add_body(struct pv_buf *out, const char *body, bool escaped)
{
    enum pv_err err = PV_OK;

    for (const char *c = body; err == PV_OK && *c != '\0'; c++) {
        if (escaped && (*c == '"' || *c == '\\' || *c == '\'')) {
            err = pv_buf_add_char(out, '\\');
        }
        if (err == PV_OK) {
            err = *c == '\'' ? pv_buf_add(out, PV_LIT("\\u0027"))
                             : pv_buf_add_char(out, *c);
        }
    }
    return err;
}

/* The format is one of the table above. */
static enum pv_err
add_header(struct pv_buf *out, const char *format, const char *name,
           const char *value)
{
    struct pv_slice left = pv_slice_from(format);
    const char     *word[] = {name, value};
    enum pv_err     err = PV_OK;

    for (int i = 0; err == PV_OK && i < 2; i++) {
        const char *at = strstr(left.ptr, "%s");
        size_t      len = (size_t)(at - left.ptr);

        err = pv_buf_add(out, (struct pv_slice){left.ptr, len});
        if (err == PV_OK) {
            err = pv_buf_add(out, pv_slice_from(word[i]));
        }
        left = pv_slice_from(at + 2);
    }
    return err == PV_OK ? pv_buf_add(out, left) : err;
}

static enum pv_err
add_headers(const struct pv_contract_method *method, struct pv_buf *out,
            const char *format)
{
    enum pv_err err = PV_OK;

    if (method->consent.is_set) {
        err = add_header(out, format, "Payvand-Consent", "4821093755162240");
    }
    if (err == PV_OK && method->keep_days > 0) {
        err = add_header(out, format, "Idempotency-Key",
                         "5f0c1c6e-7f5b-4b3e-9d1a-2a1f0e6b7c11");
    }
    return err;
}

static enum pv_err
fill(const struct pv_contract_method *method, enum pv_call_text as,
     const char *server, const char *body, struct pv_buf *out)
{
    const char *left = language[as].text;
    enum pv_err err = PV_OK;

    while (err == PV_OK && *left != '\0') {
        const char *at = strchr(left, '@');

        if (at == NULL) {
            return pv_buf_add(out, pv_slice_from(left));
        }
        err = pv_buf_add(out, (struct pv_slice){left, (size_t)(at - left)});
        if (err == PV_OK && at[1] == 'U') {
            err = pv_buf_addf(out, "%s%s", server, method->path);
        } else if (err == PV_OK && at[1] == 'B') {
            err = add_body(out, body, language[as].escaped);
        } else if (err == PV_OK) {
            err = add_headers(method, out, language[as].header);
        }
        left = strchr(at + 1, '@') + 1;
    }
    return err;
}

enum pv_err
pv_call_text(const struct pv_contract_method *method, enum pv_call_text as,
             const char *server, int64_t when_ms, struct pv_buf *out)
{
    json_t     *request = NULL;
    char       *body = NULL;
    enum pv_err err = pv_example_request(method, false, when_ms, &request);

    if (err != PV_OK) {
        return err;
    }
    body = json_dumps(request, JSON_COMPACT);
    err = body == NULL
              ? PV_ENOMEM
              : fill(method, as, server == NULL ? SERVER : server, body, out);
    free(body);
    json_decref(request);
    return err;
}
