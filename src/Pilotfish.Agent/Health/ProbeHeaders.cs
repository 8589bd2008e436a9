namespace Pilotfish.Agent.Health;

/// <summary>Which headers of the kubelet's request the application gets.</summary>
internal static class ProbeHeaders
{
    private static readonly string[] s_perConnection =
        ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "content-length", "host", "expect"];

    public static bool IsForwarded(string name) =>
        !name.StartsWith(':') && !s_perConnection.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The Host that the application sees: the status port in it becomes the application's own.</summary>
    public static string Host(string host, int statusPort, int appPort)
    {
        string suffix = $":{statusPort}";
        return host.EndsWith(suffix, StringComparison.Ordinal) ? $"{host[..^suffix.Length]}:{appPort}" : host;
    }
}
