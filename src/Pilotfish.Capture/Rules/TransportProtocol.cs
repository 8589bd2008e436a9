namespace Pilotfish.Capture.Rules;

internal enum TransportProtocol
{
    Tcp,
    Udp,
}
