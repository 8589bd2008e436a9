namespace Pilotfish.Proxy.LoadBalancing;

public enum SubsetFallback
{
    None,
    AnyEndpoint,
    DefaultSubset,
    KeysSubset,
}
