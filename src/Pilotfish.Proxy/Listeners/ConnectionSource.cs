namespace Pilotfish.Proxy.Listeners;

/// <summary>Where a connection comes from, as filter_chain_match.source_type has it.</summary>
internal enum ConnectionSource
{
    Any,
    SameIpOrLoopback,
    External,
}
