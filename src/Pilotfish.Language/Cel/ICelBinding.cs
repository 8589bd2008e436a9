namespace Pilotfish.Language.Cel;

/// <summary>Who knows where attributes come from. Called while an expression compiles, never while it is evaluated.</summary>
public interface ICelBinding
{
    /// <summary>The reader of an attribute such as <c>request.path</c>; every name of <see cref="CelAttributes"/> must be known.</summary>
    CelAttributeReader Bind(string path);
}
