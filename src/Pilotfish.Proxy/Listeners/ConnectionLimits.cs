namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Downstream connection limits: of the process (resource monitor global_downstream_max_connections) and of single listeners
/// (runtime key envoy.resource_limits.listener.NAME.connection_limit).
/// </summary>
public sealed class ConnectionLimits(long globalMax, IReadOnlyDictionary<string, long> byListener)
{
    public static ConnectionLimits None => new(ConnectionLimit.None, new Dictionary<string, long>());

    public ConnectionLimit Global { get; } = new(globalMax);

    public ConnectionLimit ForListener(string name) =>
        new(byListener.TryGetValue(name, out long limit) ? limit : ConnectionLimit.None);
}
