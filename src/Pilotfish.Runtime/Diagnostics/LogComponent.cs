namespace Pilotfish.Runtime.Diagnostics;

/// <summary>A part of the program with a log level of its own, named as Envoy names it where it has one. Any thread.</summary>
public sealed class LogComponent
{
    private static readonly List<LogComponent> s_all = [];

    private volatile int _level = (int)LogLevel.Info;

    private LogComponent(string name)
    {
        Name = name;
        s_all.Add(this);
    }

    public static LogComponent Admin { get; } = new("admin");

    public static LogComponent Agent { get; } = new("agent");

    public static LogComponent Client { get; } = new("client");

    public static LogComponent Config { get; } = new("config");

    public static LogComponent Connection { get; } = new("connection");

    public static LogComponent Dns { get; } = new("dns");

    public static LogComponent ExtAuthz { get; } = new("ext_authz");

    public static LogComponent File { get; } = new("file");

    public static LogComponent Filter { get; } = new("filter");

    public static LogComponent Grpc { get; } = new("grpc");

    public static LogComponent HealthChecker { get; } = new("hc");

    public static LogComponent Http { get; } = new("http");

    public static LogComponent Http2 { get; } = new("http2");

    public static LogComponent Init { get; } = new("init");

    public static LogComponent Main { get; } = new("main");

    public static LogComponent Misc { get; } = new("misc");

    public static LogComponent Pool { get; } = new("pool");

    public static LogComponent Rbac { get; } = new("rbac");

    public static LogComponent Router { get; } = new("router");

    public static LogComponent Runtime { get; } = new("runtime");

    public static LogComponent Secret { get; } = new("secret");

    public static LogComponent Stats { get; } = new("stats");

    public static LogComponent Tracing { get; } = new("tracing");

    public static LogComponent Upstream { get; } = new("upstream");

    // Declared last: static initialisers run in order, and the list must be complete.
    public static IReadOnlyList<LogComponent> All { get; } = s_all;

    public string Name { get; }

    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    public bool IsEnabled(LogLevel level) => (int)level >= _level;

    public static LogComponent? Find(string name) => s_all.Find(component => component.Name == name);

    public override string ToString() => Name;
}
