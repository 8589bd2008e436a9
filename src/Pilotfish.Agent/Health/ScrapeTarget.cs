namespace Pilotfish.Agent.Health;

/// <summary>One endpoint of the application with metrics in Prometheus' format.</summary>
public sealed record ScrapeTarget(string Port, string Path)
{
    public string Url => $"http://localhost:{Port}{Path}";
}
