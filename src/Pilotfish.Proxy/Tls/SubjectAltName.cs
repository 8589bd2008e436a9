namespace Pilotfish.Proxy.Tls;

/// <summary>One name of a certificate.</summary>
/// <param name="Kind">Never <see cref="SubjectAltNameKind.Any"/>.</param>
/// <param name="Name">As text.</param>
/// <param name="Oid">The dotted kind of an <see cref="SubjectAltNameKind.OtherName"/>.</param>
internal readonly record struct SubjectAltName(SubjectAltNameKind Kind, string Name, string? Oid = null)
{
    public void Deconstruct(out SubjectAltNameKind kind, out string name) => (kind, name) = (Kind, Name);
}
