namespace Pilotfish.Local.Pods;

/// <summary>What a probe or a life-cycle hook does. Ports are resolved to numbers already.</summary>
internal abstract record HandlerSpec
{
    private HandlerSpec()
    {
    }

    public sealed record Http(
        string? Host, int Port, string Path, bool IsTls, IReadOnlyList<KeyValuePair<string, string>> Headers) : HandlerSpec;

    public sealed record Tcp(string? Host, int Port) : HandlerSpec;

    public sealed record Grpc(int Port, string Service) : HandlerSpec;

    public sealed record Exec(IReadOnlyList<string> Command) : HandlerSpec;

    public sealed record Pause(TimeSpan Duration) : HandlerSpec;
}
