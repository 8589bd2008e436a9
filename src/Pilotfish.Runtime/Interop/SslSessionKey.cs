using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Interop;

/// <summary>Whom a session was made with: another host behind the same name has other ticket keys.</summary>
internal readonly record struct SslSessionKey(string ServerName, NetAddress Remote);
