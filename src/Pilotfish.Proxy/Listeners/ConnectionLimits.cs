using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Downstream connection limits: of the process (resource monitor global_downstream_max_connections, or the runtime key
/// overload.global_downstream_max_connections) and of single listeners (runtime key envoy.resource_limits.listener.NAME.connection_limit). Main
/// loop; the limits themselves are any thread's, and follow the runtime.
/// </summary>
public sealed class ConnectionLimits(RuntimeValues runtime)
{
    public static ConnectionLimits None => new(new RuntimeValues());

    public ConnectionLimit Global { get; } = new(ConnectionLimit.None, runtime.Key("overload.global_downstream_max_connections"));

    public ConnectionLimit ForListener(string name) =>
        new(ConnectionLimit.None, runtime.Key($"envoy.resource_limits.listener.{name}.connection_limit"));
}
