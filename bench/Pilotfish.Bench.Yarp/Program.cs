using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

// YARP as a peer of the benchmarks: options --port, --backend and --hosts; --log FILE; --certificate, --key and --roots for TLS;
// --upstream h2c|https and --upstream-roots; --protocols as Kestrel names them.
var options = new Dictionary<string, string>(StringComparer.Ordinal);
for (int i = 0; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

int port = int.Parse(options["--port"], CultureInfo.InvariantCulture);
string backend = options["--backend"];
int hosts = int.Parse(options["--hosts"], CultureInfo.InvariantCulture);
string? accessLog = options.GetValueOrDefault("--log");
string? upstream = options.GetValueOrDefault("--upstream");

WebApplicationBuilder builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
{
    if (options.TryGetValue("--protocols", out string? protocols))
    {
        listen.Protocols = Enum.Parse<HttpProtocols>(protocols);
    }

    if (options.TryGetValue("--certificate", out string? certificate))
    {
        listen.UseHttps(Https(certificate));
    }
}));
IReverseProxyBuilder proxy = builder.Services.AddReverseProxy().LoadFromMemory(Routes(hosts), Clusters(backend, upstream));
if (options.TryGetValue("--upstream-roots", out string? upstreamRoots))
{
    X509Certificate2 root = X509CertificateLoader.LoadCertificateFromFile(upstreamRoots);
    proxy.ConfigureHttpClient((_, handler) =>
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, chain, _) => Trusts(root, shown as X509Certificate2, chain));
}
if (accessLog is not null)
{
    builder.Services.AddW3CLogging(options =>
    {
        options.LogDirectory = Path.GetDirectoryName(accessLog)!;
        options.FileName = Path.GetFileNameWithoutExtension(accessLog);
        options.FlushInterval = TimeSpan.FromSeconds(1);
    });
}

WebApplication app = builder.Build();
if (accessLog is not null)
{
    app.UseW3CLogging();
}

app.MapReverseProxy();
app.Run();

static RouteConfig[] Routes(int hosts)
{
    IReadOnlyDictionary<string, string>[] transforms =
    [
        new Dictionary<string, string> { ["RequestHeader"] = "x-bench", ["Set"] = "1" },
        new Dictionary<string, string> { ["RequestHeaderOriginalHost"] = "true" },
    ];
    var routes = new RouteConfig[hosts];
    for (int i = 0; i < hosts; i++)
    {
        routes[i] = new RouteConfig
        {
            RouteId = $"route-{i}",
            ClusterId = "backend",
            Match = new RouteMatch { Hosts = [$"service-{i}.example.com"], Path = "{**rest}" },
            Transforms = transforms,
        };
    }

    return routes;
}

HttpsConnectionAdapterOptions Https(string certificate)
{
    using var pem = X509Certificate2.CreateFromPemFile(certificate, options["--key"]);
    var https = new HttpsConnectionAdapterOptions { ServerCertificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null) };
    if (options.TryGetValue("--roots", out string? roots))
    {
        X509Certificate2 root = X509CertificateLoader.LoadCertificateFromFile(roots);
        https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        https.ClientCertificateValidation = (shown, chain, _) => Trusts(root, shown, chain);
    }

    return https;
}

static bool Trusts(X509Certificate2 root, X509Certificate2? shown, X509Chain? chain)
{
    if (shown is null || chain is null)
    {
        return false;
    }

    chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
    chain.ChainPolicy.CustomTrustStore.Add(root);
    chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
    return chain.Build(shown);
}

static ClusterConfig[] Clusters(string backend, string? upstream) =>
[
    new ClusterConfig
    {
        ClusterId = "backend",
        HttpRequest = upstream == "h2c"
            ? new ForwarderRequestConfig { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact }
            : null,
        Destinations = new Dictionary<string, DestinationConfig>
        {
            ["one"] = new() { Address = $"{(upstream == "https" ? "https" : "http")}://127.0.0.1:{backend}/" },
        },
    },
];
