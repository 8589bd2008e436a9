using System.Diagnostics;
using System.Text;
using Pilotfish.Language.GoTemplates.Syntax;

namespace Pilotfish.Language.GoTemplates.Evaluation;

/// <summary>Renders one template once, counting steps, depth and output against the limits.</summary>
internal sealed class TemplateEvaluator
{
    private readonly string _name;
    private readonly GoFunctionSet _functions;
    private readonly IReadOnlyDictionary<string, Statement.Block> _definitions;
    private readonly TemplateLimits _limits;
    private readonly StringBuilder _output = new();
    private VariableScope _scope = new(GoValue.Nil);
    private int _steps;
    private int _depth;

    public TemplateEvaluator(
        string name,
        GoFunctionSet functions,
        IReadOnlyDictionary<string, Statement.Block> definitions,
        TemplateLimits limits)
    {
        _name = name;
        _functions = functions;
        _definitions = definitions;
        _limits = limits;
    }

    public string Run(Statement.Block body, GoValue data)
    {
        _scope = new VariableScope(data);
        RunBlock(body, data);
        return _output.ToString();
    }

    private LoopJump RunBlock(Statement.Block block, GoValue dot)
    {
        foreach (var statement in block.Statements)
        {
            var jump = RunStatement(statement, dot);
            if (jump != LoopJump.None)
            {
                return jump;
            }
        }

        return LoopJump.None;
    }

    private LoopJump RunStatement(Statement statement, GoValue dot)
    {
        CountStep(statement.Position);
        switch (statement)
        {
            case Statement.Text text:
                Write(text.Value, text.Position);
                return LoopJump.None;
            case Statement.Action action:
                var value = EvaluatePipeline(action.Pipeline, dot);
                if (action.Pipeline.Variables.Count == 0)
                {
                    Write(value.IsNil ? "<no value>" : GoFormat.Print(value), action.Position);
                }

                return LoopJump.None;
            case Statement.If branch:
                return RunIf(branch, dot);
            case Statement.With branch:
                return RunWith(branch, dot);
            case Statement.Range range:
                return RunRange(range, dot);
            case Statement.Call call:
                RunCall(call, dot);
                return LoopJump.None;
            case Statement.Break:
                return LoopJump.Break;
            case Statement.Continue:
                return LoopJump.Continue;
            case Statement.Block block:
                return RunBlock(block, dot);
            default:
                throw new UnreachableException();
        }
    }

    private LoopJump RunIf(Statement.If branch, GoValue dot)
    {
        var mark = _scope.Mark;
        var chosen = EvaluatePipeline(branch.Condition, dot).IsTrue ? branch.Then : branch.Else;
        var jump = chosen is null ? LoopJump.None : RunBlock(chosen, dot);
        _scope.ReturnTo(mark);
        return jump;
    }

    private LoopJump RunWith(Statement.With branch, GoValue dot)
    {
        var mark = _scope.Mark;
        var subject = EvaluatePipeline(branch.Subject, dot);
        var jump = LoopJump.None;
        if (subject.IsTrue)
        {
            jump = RunBlock(branch.Then, subject);
        }
        else if (branch.Else is not null)
        {
            jump = RunBlock(branch.Else, dot);
        }

        _scope.ReturnTo(mark);
        return jump;
    }

    private LoopJump RunRange(Statement.Range range, GoValue dot)
    {
        var mark = _scope.Mark;
        // The variables belong to each turn, so the pipeline itself must not declare them.
        var subject = EvaluateCommands(range.Subject, dot);
        var turns = 0;
        foreach (var (key, element) in Elements(subject, range.Position))
        {
            turns++;
            var turnMark = _scope.Mark;
            BindRangeVariables(range.Subject, key, element);
            var jump = RunBlock(range.Each, element);
            _scope.ReturnTo(turnMark);
            if (jump == LoopJump.Break)
            {
                break;
            }
        }

        var after = turns == 0 && range.Else is not null ? RunBlock(range.Else, dot) : LoopJump.None;
        _scope.ReturnTo(mark);
        return after;
    }

    private void BindRangeVariables(Pipeline pipeline, GoValue key, GoValue element)
    {
        var names = pipeline.Variables;
        for (var i = 0; i < names.Count; i++)
        {
            var value = names.Count == 2 && i == 0 ? key : element;
            if (pipeline.IsAssignment)
            {
                _scope.Assign(names[i], value);
            }
            else
            {
                _scope.Declare(names[i], value);
            }
        }
    }

    private IEnumerable<(GoValue Key, GoValue Element)> Elements(GoValue subject, TemplatePosition at)
    {
        switch (subject.Kind)
        {
            case GoKind.Nil:
                break;
            case GoKind.List:
                for (var i = 0; i < subject.AsList.Count; i++)
                {
                    yield return (GoValue.From((long)i), subject.AsList[i]);
                }

                break;
            case GoKind.Map:
                // Copied, because the body may change the map with `set` or `unset`.
                foreach (var (key, value) in subject.AsMap.Entries.ToList())
                {
                    yield return (GoValue.From(key), value);
                }

                break;
            case GoKind.Int:
                for (var i = 0L; i < subject.AsInt; i++)
                {
                    CountStep(at);
                    yield return (GoValue.From(i), GoValue.From(i));
                }

                break;
            default:
                throw Error(at, $"range can't iterate over {GoFormat.Print(subject)}");
        }
    }

    private void RunCall(Statement.Call call, GoValue dot)
    {
        if (!_definitions.TryGetValue(call.Name, out var body))
        {
            throw Error(call.Position, $"template \"{call.Name}\" not defined");
        }

        if (_depth >= _limits.DepthMax)
        {
            throw Error(call.Position, $"templates call each other more than {_limits.DepthMax} deep");
        }

        var argument = call.Argument is null ? GoValue.Nil : EvaluatePipeline(call.Argument, dot);
        var outer = _scope;
        _scope = new VariableScope(argument);
        _depth++;
        RunBlock(body, argument);
        _depth--;
        _scope = outer;
    }

    private GoValue EvaluatePipeline(Pipeline pipeline, GoValue dot)
    {
        var value = EvaluateCommands(pipeline, dot);
        foreach (var name in pipeline.Variables)
        {
            if (pipeline.IsAssignment)
            {
                _scope.Assign(name, value);
            }
            else
            {
                _scope.Declare(name, value);
            }
        }

        return value;
    }

    private GoValue EvaluateCommands(Pipeline pipeline, GoValue dot)
    {
        GoValue? piped = null;
        foreach (var command in pipeline.Commands)
        {
            piped = EvaluateCommand(command, dot, piped);
        }

        return piped!.Value;
    }

    private GoValue EvaluateCommand(Expression.Command command, GoValue dot, GoValue? piped)
    {
        CountStep(command.Position);
        var head = command.Words[0];
        if (head is Expression.Function function)
        {
            return EvaluateCall(function, command.Words, dot, piped);
        }

        if (command.Words.Count > 1 || piped is not null)
        {
            throw head is Expression.Field field
                ? Error(head.Position, $"{field.Name} has arguments but cannot be invoked as function")
                : Error(head.Position, "can't give argument to non-function");
        }

        if (head is Expression.Literal { Value.IsNil: true })
        {
            throw Error(head.Position, "nil is not a command");
        }

        return EvaluateOperand(head, dot);
    }

    private GoValue EvaluateCall(
        Expression.Function function, IReadOnlyList<Expression> words, GoValue dot, GoValue? piped)
    {
        if (function.Name is "and" or "or")
        {
            return EvaluateShortCircuit(function, words, dot, piped);
        }

        var arguments = new List<GoValue>(words.Count);
        for (var i = 1; i < words.Count; i++)
        {
            arguments.Add(EvaluateOperand(words[i], dot));
        }

        if (piped is not null)
        {
            arguments.Add(piped.Value);
        }

        try
        {
            return _functions.Invoke(function.Name, arguments);
        }
        catch (GoFunctionException e)
        {
            throw Error(function.Position, $"error calling {function.Name}: {e.Message}", e);
        }
    }

    /// <summary>`and` and `or` stop at the argument that decides and return it.</summary>
    private GoValue EvaluateShortCircuit(
        Expression.Function function, IReadOnlyList<Expression> words, GoValue dot, GoValue? piped)
    {
        if (words.Count == 1 && piped is null)
        {
            throw Error(function.Position, $"wrong number of args for {function.Name}: want at least 1 got 0");
        }

        var stopsAt = function.Name == "or";
        var value = GoValue.Nil;
        for (var i = 1; i < words.Count; i++)
        {
            value = EvaluateOperand(words[i], dot);
            if (value.IsTrue == stopsAt)
            {
                return value;
            }
        }

        return piped ?? value;
    }

    private GoValue EvaluateOperand(Expression operand, GoValue dot)
    {
        switch (operand)
        {
            case Expression.Literal literal:
                return literal.Value;
            case Expression.Dot:
                return dot;
            case Expression.Variable variable:
                return _scope.Get(variable.Name);
            case Expression.Field field:
                return EvaluateField(field, EvaluateOperand(field.Operand, dot));
            case Expression.Parenthesized group:
                return EvaluatePipeline(group.Pipeline, dot);
            case Expression.Function function:
                return EvaluateCall(function, [function], dot, null);
            default:
                throw new UnreachableException();
        }
    }

    private GoValue EvaluateField(Expression.Field field, GoValue receiver)
    {
        switch (receiver.Kind)
        {
            case GoKind.Map:
                return receiver.AsMap[field.Name];
            case GoKind.Object when receiver.AsObject.TryGetField(field.Name, out var value):
                return value;
            case GoKind.Nil when receiver.IsMissing:
                return GoValue.Missing;
            case GoKind.Nil:
                throw Error(field.Position, $"nil pointer evaluating interface {{}}.{field.Name}");
            default:
                throw Error(field.Position, $"can't evaluate field {field.Name} in type {receiver.TypeName}");
        }
    }

    private void Write(string text, TemplatePosition at)
    {
        if (_output.Length + text.Length > _limits.OutputMax)
        {
            throw Error(at, $"the output is longer than {_limits.OutputMax} characters");
        }

        _output.Append(text);
    }

    private void CountStep(TemplatePosition at)
    {
        if (++_steps > _limits.StepsMax)
        {
            throw Error(at, $"rendering takes more than {_limits.StepsMax} steps");
        }
    }

    private TemplateException Error(TemplatePosition at, string reason, Exception? inner = null) =>
        new(_name, at, reason, inner);
}
