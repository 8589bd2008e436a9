namespace Pilotfish.Language.GoTemplates.Evaluation;

/// <summary>The variables of one template call, innermost last.</summary>
internal sealed class VariableScope
{
    private readonly List<(string Name, GoValue Value)> _variables = [];

    public VariableScope(GoValue root)
    {
        _variables.Add(("$", root));
    }

    public int Mark => _variables.Count;

    public void Declare(string name, GoValue value) => _variables.Add((name, value));

    public void ReturnTo(int mark) => _variables.RemoveRange(mark, _variables.Count - mark);

    public void Assign(string name, GoValue value) => _variables[IndexOf(name)] = (name, value);

    public GoValue Get(string name) => _variables[IndexOf(name)].Value;

    // The parser has refused names that are not in scope.
    private int IndexOf(string name) => _variables.FindLastIndex(variable => variable.Name == name);
}
