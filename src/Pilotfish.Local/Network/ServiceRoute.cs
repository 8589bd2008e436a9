using System.Net;

namespace Pilotfish.Local.Network;

/// <summary>One port of a service: its address and the pods behind it now.</summary>
internal sealed record ServiceRoute(
    string Name, IPAddress Address, int Port, string Protocol, IReadOnlyList<IPEndPoint> Endpoints, bool IsSticky);
