using Bookinfo;

// bookinfo ROLE [--version=v1] [--port=9080]: one program plays all four services of the sample.
string role = args.FirstOrDefault(a => !a.StartsWith('-')) ?? "";
string version = Option(args, "--version") ?? "v1";
int port = int.TryParse(Option(args, "--port"), out int given) ? given : 9080;

IService? service = role switch
{
    "productpage" => new ProductPage(Backend("details"), Backend("reviews")),
    "details" => new Details(),
    "reviews" => new Reviews(version, Backend("ratings")),
    "ratings" => new Ratings(),
    _ => null,
};
if (service is null)
{
    Console.Error.WriteLine("usage: bookinfo productpage|details|reviews|ratings [--version=v1|v2|v3] [--port=9080]");
    return 64;
}

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(options => options.ListenAnyIP(port));
WebApplication app = builder.Build();
app.MapGet("/health", () => "ok\n");
service.Map(app);
await app.StartAsync();
Console.WriteLine($"{role} {version} listens on port {port} as {Environment.MachineName}");
await app.WaitForShutdownAsync();
return 0;

static string? Option(string[] args, string name) =>
    args.FirstOrDefault(a => a.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

static Backend Backend(string name)
{
    string host = Environment.GetEnvironmentVariable(name.ToUpperInvariant() + "_HOSTNAME") ?? name;
    string port = Environment.GetEnvironmentVariable(name.ToUpperInvariant() + "_SERVICE_PORT") ?? "9080";
    return new Backend(new Uri($"http://{host}:{port}/"));
}
