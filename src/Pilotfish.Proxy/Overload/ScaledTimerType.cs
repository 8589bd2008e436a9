namespace Pilotfish.Proxy.Overload;

/// <summary>The time-outs that reduce_timeouts can shorten, numbered as in ScaleTimersOverloadActionConfig.</summary>
public enum ScaledTimerType : byte
{
    Unspecified,
    HttpDownstreamConnectionIdle,
    HttpDownstreamStreamIdle,
    TransportSocketConnect,
    HttpDownstreamConnectionMax,
    HttpDownstreamStreamFlush,
}
