using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Health;

/// <summary>Hears that a check of a host ended, whether it passed, and whether the host's flags changed. Main loop.</summary>
internal delegate void HealthCheckObserver(Host host, bool passed, bool changed);
