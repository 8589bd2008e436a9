namespace Pilotfish.ControlPlane.Validation;

/// <summary>One thing that is wrong with an object.</summary>
/// <param name="Path">The field, such as <c>spec.http[0].timeout</c>; it may be one that is missing.</param>
/// <param name="Sentence">What is wrong with it.</param>
public readonly record struct ConfigProblem(string Path, string Sentence)
{
    public override string ToString() => $"{Path}: {Sentence}";
}
