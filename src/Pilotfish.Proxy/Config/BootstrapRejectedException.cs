namespace Pilotfish.Proxy.Config;

/// <summary>A bootstrap that cannot be served, with every problem that was found.</summary>
public sealed class BootstrapRejectedException(IReadOnlyList<string> problems)
    : Exception(string.Join('\n', problems))
{
    public IReadOnlyList<string> Problems { get; } = problems;
}
