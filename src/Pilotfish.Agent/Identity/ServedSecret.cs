using Google.Protobuf;

namespace Pilotfish.Agent.Identity;

/// <summary>One version of a secret, as it goes over the wire.</summary>
/// <param name="Name">The name that was asked for.</param>
/// <param name="Message">A serialized <c>envoy.extensions.transport_sockets.tls.v3.Secret</c>.</param>
/// <param name="Version">Differs from that of every other content in the life of the process.</param>
internal sealed record ServedSecret(string Name, ByteString Message, string Version);
