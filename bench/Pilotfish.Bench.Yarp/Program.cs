using System.Globalization;
using Yarp.ReverseProxy.Configuration;

// YARP as a peer of the benchmarks: args are port, backend port, number of host routes, and optionally the access log's path.
int port = int.Parse(args[0], CultureInfo.InvariantCulture);
string backend = args[1];
int hosts = int.Parse(args[2], CultureInfo.InvariantCulture);
string? accessLog = args.Length > 3 ? args[3] : null;

WebApplicationBuilder builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, port));
builder.Services.AddReverseProxy().LoadFromMemory(Routes(hosts), Clusters(backend));
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

static ClusterConfig[] Clusters(string backend) =>
[
    new ClusterConfig
    {
        ClusterId = "backend",
        Destinations = new Dictionary<string, DestinationConfig> { ["one"] = new() { Address = $"http://127.0.0.1:{backend}/" } },
    },
];
